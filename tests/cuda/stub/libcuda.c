/* A libcuda.so.1 without a GPU: memory is the host's, launches are written down, errors come on demand
 * (`stub_fail`).
 *
 * STUB_LOG         a file that gets a line for each call that matters
 * STUB_VERSION     what cuDriverGetVersion says (13000)
 * STUB_DEVICES     how many GPUs there are (1)
 * STUB_CAPABILITY  90 for compute capability 9.0
 * STUB_FREE        free bytes
 * STUB_POOLS       0 for a GPU without pools of memory
 *
 * An image is text: "STUB", then a line for each kernel, its name and the kinds of its arguments, "p"
 * a pointer, else the bytes of a number. Whoever gave `stub_on_launch` a function is called for each
 * launch, in order. Pointers that lie in no living allocation are an illegal address (700).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t address;
typedef void (*on_launch)(const char *, unsigned, unsigned, void **);

enum { ARGUMENTS = 64, NODES = 4096, BLOCKS = 4096, SIZE = 8 };
typedef struct { char name[256], kinds[256]; } function;
typedef struct { function of[64]; int count, is_text; } module;
typedef int (*work)(const void *); /* another library's, on what it was given */
typedef struct {
    function *what;
    work call; /* in place of a function */
    unsigned grid, block;
    int count;
    char values[ARGUMENTS][SIZE];
} node;
typedef struct { /* CUDA_KERNEL_NODE_PARAMS_v2 */
    function *what;
    unsigned grid, gy, gz, block, by, bz, shared;
    void **values, **extra, *kernel, *context;
} node_parameters;
typedef struct { node nodes[NODES]; int count; } graph;
static struct { address start; size_t size; int live, pooled; } blocks[BLOCKS];
static size_t reserved; /* of the pool */
static int block_count, lost;
static graph *captured; /* of a stream */
static void *capturing;
static long streams = 16; /* the next; the first of a device is the one on which launches run */
static on_launch listener;

static long setting(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text ? atol(text) : otherwise;
}

#define note stub_note
void stub_note(const char *form, ...) {
    const char *path = getenv("STUB_LOG");
    if (!path) return;
    FILE *file = fopen(path, "a");
    va_list given;
    va_start(given, form);
    vfprintf(file, form, given);
    va_end(given);
    fputc('\n', file);
    fclose(file);
}

static char wanted[64];
static int nth, code, seen;
/* "cuMemAlloc:3:2": from now on the third such call answers 2; 700 and its like stay for ever. */
void stub_fail(const char *text) {
    lost = seen = 0;
    sscanf(text, "%63[^:]:%d:%d", wanted, &nth, &code);
}

/* The answer to a call of this name. */
#define answer stub_answer
int stub_answer(const char *name) {
    if (lost) return lost;
    if (strcmp(name, wanted) || ++seen != nth) return 0;
    note("refused %s %d", name, code);
    if (code == 214 || code == 700 || (code > 713 && code < 720)) lost = code;
    return code;
}
#define ANSWER do { int status = answer(__func__); if (status) return status; } while (0)

/* Bytes from here to the end of the allocation; -1 where there is none. */
long stub_left(address at) {
    for (int k = 0; k < block_count; k++)
        if (blocks[k].live && blocks[k].start <= at && at <= blocks[k].start + blocks[k].size)
            return blocks[k].start + blocks[k].size - at;
    return -1;
}
void stub_on_launch(on_launch f) { listener = f; }

int cuInit(unsigned flags) { ANSWER; streams = 16; return setting("STUB_DEVICES", 1) ? 0 : 100; }
int cuDriverGetVersion(int *v) { *v = setting("STUB_VERSION", 13000); return 0; }
int cuDeviceGetCount(int *n) { *n = setting("STUB_DEVICES", 1); return 0; }
int cuDeviceGet(int *d, int k) { ANSWER; *d = k; return 0; }
int cuDeviceGetName(char *text, int n, int d) { snprintf(text, n, "Stub GPU"); return 0; }
int cuDeviceGetAttribute(int *v, int which, int d) {
    int capability = setting("STUB_CAPABILITY", 90);
    *v = which == 75 ? capability / 10 : which == 76 ? capability % 10 : which == 16 ? 4
       : which == 39 ? 2048 : which == 115 ? setting("STUB_POOLS", 1) : 1;
    return 0;
}
int cuDevicePrimaryCtxRetain(void **c, int d) { ANSWER; *c = (void *)8; return 0; }
int cuCtxSetCurrent(void *c) { return 0; }
int cuCtxSynchronize(void) { ANSWER; note("all is done"); return 0; }
int cuGetErrorName(int code, const char **text) { *text = "STUB_ERROR"; return 0; }
int cuGetErrorString(int code, const char **text) { *text = "an error of the stub"; return 0; }

static size_t in_use(int pooled) {
    size_t sum = 0;
    for (int k = 0; k < block_count; k++)
        if (blocks[k].live && blocks[k].pooled == pooled) sum += blocks[k].size;
    return sum;
}
int cuMemGetInfo(size_t *free, size_t *total) {
    *total = 1l << 30;
    *free = setting("STUB_FREE", *total);
    *free -= in_use(0) + reserved;
    return 0;
}
static int allocated(const char *note_of, address *at, size_t size, int pooled) {
    if (!size) return 1;
    *at = blocks[block_count].start = (address)calloc(1, size);
    blocks[block_count].size = size;
    blocks[block_count].pooled = pooled;
    blocks[block_count++].live = 1;
    note("%s %#lx %zu", note_of, *at, size);
    return 0;
}
static int freed(const char *note_of, address at, int pooled) {
    for (int k = 0; k < block_count; k++)
        if (blocks[k].start == at && blocks[k].live && blocks[k].pooled == pooled) {
            note("%s %#lx", note_of, at);
            memset((void *)at, 0xdd, blocks[k].size); /* kept, so that no other one lies there */
            blocks[k].live = 0;
            return 0;
        }
    note("BAD %s %#lx", note_of, at);
    return 1;
}
int cuMemAlloc(address *at, size_t size) { ANSWER; return allocated("allocate", at, size, 0); }
int cuMemFree(address at) { return freed("free", at, 0); }

/* One pool; it keeps what it has until it is trimmed. */
int cuMemPoolCreate(void **pool, const void *wanted) { ANSWER; *pool = (void *)24; return 0; }
int cuMemPoolSetAttribute(void *pool, int which, const uint64_t *value) {
    note("pool %d %lu", which, *value);
    return 0;
}
int cuMemPoolGetAttribute(void *pool, int which, uint64_t *value) {
    *value = which == 5 ? reserved : which == 7 ? in_use(1) : 0;
    return 0;
}
int cuMemPoolTrimTo(void *pool, size_t size) {
    note("trim %zu", reserved);
    reserved = in_use(1);
    return 0;
}
int cuMemAllocFromPoolAsync(address *at, size_t size, void *pool, void *stream) {
    ANSWER;
    int status = allocated("draw", at, size, 1);
    if (in_use(1) > reserved) reserved = in_use(1);
    return status;
}
int cuMemFreeAsync(address at, void *stream) { return freed("give", at, 1); }
int cuMemHostAlloc(void **at, size_t size, unsigned flags) { ANSWER; *at = calloc(1, size); return 0; }

static int copied(const char *way, address device, void *to, const void *from, size_t size, void *s) {
    if (stub_left(device) < (long)size) {
        note("BAD %s %#lx %zu", way, device, size);
        return lost = 700;
    }
    note("%s %#lx %zu %#lx", way, device, size, (long)s);
    memcpy(to, from, size);
    return 0;
}
int cuMemcpyHtoDAsync(address to, const void *from, size_t size, void *stream) {
    ANSWER;
    return copied("upload", to, (void *)to, from, size, stream);
}
int cuMemcpyDtoHAsync(void *to, address from, size_t size, void *stream) {
    ANSWER;
    return copied("download", from, to, (void *)from, size, stream);
}
int cuMemcpyDtoDAsync(address to, address from, size_t size, void *stream) {
    ANSWER;
    int bad = stub_left(to) < (long)size || stub_left(from) < (long)size;
    note("%scopy %#lx %#lx %zu", bad ? "BAD " : "", to, from, size);
    if (bad) return lost = 700;
    memcpy((void *)to, (void *)from, size);
    return 0;
}

int cuStreamCreate(void **s, unsigned flags) { *s = (void *)streams++; return 0; }
int cuStreamSynchronize(void *s) { ANSWER; return 0; }
int cuEventCreate(void **e, unsigned flags) { *e = malloc(1); note("event"); return 0; }
int cuEventDestroy(void *e) { note("event gone"); return 0; }
int cuStreamWaitEvent(void *s, void *e, unsigned flags) { note("wait %#lx", (long)s); return 0; }
int cuEventRecord(void *e, void *stream) { return 0; }
int cuEventSynchronize(void *e) { ANSWER; return 0; }
int cuEventElapsedTime(float *ms, void *a, void *b) { *ms = 0.25; return 0; }

int cuModuleLoadData(void **made, const void *image) {
    ANSWER;
    module *m = *made = calloc(1, sizeof(module));
    m->is_text = !strncmp(image, "STUB\n", 5);
    const char *line = image;
    while (m->is_text && (line = strchr(line, '\n')) && *++line) {
        function *f = &m->of[m->count++];
        sscanf(line, "%255s %255[^\n]", f->name, f->kinds);
    }
    note("load %s", m->is_text ? "text" : "machine code");
    return 0;
}
int cuModuleUnload(void *m) { note("unload"); return 0; }
int cuModuleGetFunction(void **found, void *in, const char *name) {
    ANSWER;
    module *m = in;
    if (!m->is_text) {
        function *f = *found = calloc(1, sizeof(function));
        snprintf(f->name, sizeof f->name, "%s", name);
        return 0;
    }
    for (int k = 0; k < m->count; k++)
        if (!strcmp(m->of[k].name, name)) return *found = &m->of[k], 0;
    return 500;
}

static int run(node *n) {
    if (n->call) return lost = n->call(n->values);
    char line[4096], *end = line + sprintf(line, "launch %s %u %u", n->what->name, n->grid, n->block);
    void *values[ARGUMENTS];
    const char *kind = n->what->kinds;
    int bad = 0;
    for (int k = 0; k < n->count; k++, kind = strchr(kind, ' ') + 1) {
        values[k] = n->values[k];
        bad |= *kind == 'p' && stub_left(*(address *)n->values[k]) < 0;
        *end++ = ' ';
        for (int b = 0, size = *kind == 'p' ? 8 : atoi(kind); b < size; b++)
            end += sprintf(end, "%02x", (unsigned char)n->values[k][b]);
    }
    note("%s%s", bad ? "BAD " : "", line);
    if (bad) return lost = 700;
    if (listener) listener(n->what->name, n->grid, n->block, values);
    return 0;
}
static node made_of(function *f, unsigned grid, unsigned block, void **values) {
    node n = {.what = f, .grid = grid, .block = block};
    for (const char *kind = f->kinds; *kind; kind += strcspn(kind, " "), kind += *kind == ' ')
        memcpy(n.values[n.count++], *values++, *kind == 'p' ? 8 : atoi(kind));
    return n;
}
int cuLaunchKernel(function *f, unsigned grid, unsigned gy, unsigned gz, unsigned block, unsigned by,
                   unsigned bz, unsigned shared, void *stream, void **values, void **extra) {
    ANSWER;
    node n = made_of(f, grid, block, values);
    return run(&n);
}

int cuGraphCreate(graph **made, unsigned flags) { ANSWER; *made = calloc(1, sizeof(graph)); return 0; }
static int wired(long *made, graph *g, const char *name, const long *earlier, size_t count) {
    char line[65536], *end = line + sprintf(line, "node %s", name);
    for (size_t k = 0; k < count; k++) {
        if (earlier[k] < 1 || earlier[k] >= g->count) return 1;
        end += sprintf(end, " %ld", earlier[k] - 1);
    }
    note("%s", line);
    *made = g->count;
    return 0;
}
/* A node is known by its place in the graph, counted from 1; a launch runs them in their order. */
int cuGraphAddKernelNode(long *made, graph *g, const long *earlier, size_t count,
                         const node_parameters *p) {
    ANSWER;
    if (p->gy != 1 || p->gz != 1 || p->by != 1 || p->bz != 1 || p->shared || p->extra) return 1;
    g->nodes[g->count++] = made_of(p->what, p->grid, p->block, p->values);
    return wired(made, g, p->what->name, earlier, count);
}
int stub_enqueue(work call, const void *given, size_t size, void *stream) {
    node n = {.call = call};
    if (size > sizeof n.values) return 1;
    memcpy(n.values, given, size);
    if (!captured || stream != capturing) return stream == (void *)16 ? run(&n) : 1;
    captured->nodes[captured->count++] = n;
    return 0;
}
int cuStreamBeginCapture(void *stream, int mode) {
    ANSWER;
    captured = calloc(1, sizeof(graph));
    capturing = stream;
    return 0;
}
int cuStreamEndCapture(void *stream, graph **made) {
    *made = captured;
    captured = 0;
    return 0;
}
int cuGraphAddChildGraphNode(long *made, graph *g, const long *earlier, size_t count, graph *child) {
    ANSWER;
    if (child->count != 1) return 1; /* nodes are counted as launches are */
    g->nodes[g->count++] = child->nodes[0];
    return wired(made, g, "product", earlier, count);
}
int cuGraphInstantiateWithFlags(graph **made, graph *from, uint64_t flags) {
    ANSWER;
    memcpy(*made = malloc(sizeof(graph)), from, sizeof(graph));
    note("instantiate %d", from->count);
    return 0;
}
int cuGraphDestroy(graph *g) { free(g); return 0; }
int cuGraphExecDestroy(graph *g) { note("graph gone"); free(g); return 0; }
int cuGraphLaunch(graph *g, void *stream) {
    ANSWER;
    note("replay %d", g->count);
    for (int k = 0; k < g->count; k++) {
        int status = run(&g->nodes[k]);
        if (status) return status;
    }
    return 0;
}

static int missing(void) { note("BAD call of what the stub lacks"); return 801; }
int cuGetProcAddress_v2(const char *name, void **found, int version, uint64_t flags, int *status) {
    Dl_info own;
    dladdr((void *)cuInit, &own);
    const char *other = strcmp(name, "cuGraphInstantiate") ? name : "cuGraphInstantiateWithFlags";
    *found = dlsym(dlopen(own.dli_fname, RTLD_NOW | RTLD_NOLOAD), other);
    if (!*found) *found = (void *)missing;
    if (status) *status = 0;
    return 0;
}
int cuGetProcAddress(const char *name, void **found, int version, uint64_t flags) {
    return cuGetProcAddress_v2(name, found, version, flags, 0);
}
