/* A libcublasLt.so.13 beside the stub of libcuda: products of host matrices, a term at a time.
 *
 * A product is enqueued as a kernel would be: run at once, or captured and run when its graph is. It is
 * written down with what it was asked (`product` in the log), and refused where the caller does not keep
 * to what it told the heuristic: where arrays begin, how large the workspace is, how parts of sums are
 * put together. `stub_fail` knows these functions, too.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { INVALID = 7, FAILED = 13, UNSUPPORTED = 15 };
enum { TRANSA = 3, TRANSB = 4 };                                    /* of an operation */
enum { WORKSPACE = 1, REDUCTION = 3, ALIGN_A = 5, ALIGN_B, ALIGN_C, ALIGN_D };  /* of a preference */
typedef struct { int compute, type; int32_t transposed[2]; } operation;
typedef struct { int type; uint64_t rows, columns; int64_t stride; } layout; /* columns lie `stride` apart */
typedef struct { uint64_t workspace; uint32_t reduction, aligned[4]; } preference;
typedef struct { uint64_t promised[8]; } algorithm; /* alignments of a, b, c, d, then the workspace */
typedef struct { algorithm chosen; size_t workspace; int state; float waves; int reserved[4]; } result;
typedef struct {
    operation how;
    layout a, b, out;
    uint64_t at_a, at_b, at_out, workspace, size;
} product;

static void *driver(const char *name) { return dlsym(dlopen("libcuda.so.1", RTLD_NOW), name); }
#define DRIVER(type, name, ...) ((type(*)(__VA_ARGS__))driver(name))
#define NOTE DRIVER(void, "stub_note", const char *, ...)
static int answer(const char *name) {
    int status = DRIVER(int, "stub_answer", const char *)(name);
    return status > 200 ? FAILED : status; /* an error of the driver */
}
#define ANSWER do { int status = answer(__func__); if (status) return status; } while (0)

size_t cublasLtGetVersion(void) { return 130000; }
const char *cublasLtGetStatusName(int status) { return "CUBLAS_STATUS_OF_STUB"; }
const char *cublasLtGetStatusString(int status) { return "an error of the stub"; }
int cublasLtCreate(void **made) { ANSWER; *made = calloc(1, 8); NOTE("library"); return 0; }
int cublasLtDestroy(void *handle) { free(handle); NOTE("library gone"); return 0; }

static int gone(void *what) { free(what); NOTE("description gone"); return 0; }
static void *made(size_t size) { NOTE("description"); return calloc(1, size); }
int cublasLtMatmulDescDestroy(void *d) { return gone(d); }
int cublasLtMatrixLayoutDestroy(void *l) { return gone(l); }
int cublasLtMatmulPreferenceDestroy(void *p) { return gone(p); }
int cublasLtMatmulDescCreate(operation **o, int compute, int type) {
    ANSWER;
    *o = made(sizeof(operation));
    **o = (operation){.compute = compute, .type = type};
    return 0;
}
int cublasLtMatrixLayoutCreate(layout **l, int type, uint64_t rows, uint64_t columns, int64_t stride) {
    ANSWER;
    *l = made(sizeof(layout));
    **l = (layout){type, rows, columns, stride};
    return stride < (int64_t)rows ? INVALID : 0;
}
int cublasLtMatmulPreferenceCreate(preference **p) {
    ANSWER;
    *p = made(sizeof(preference));
    **p = (preference){.reduction = 7, .aligned = {256, 256, 256, 256}};
    return 0;
}
int cublasLtMatmulDescSetAttribute(operation *o, int which, const void *from, size_t size) {
    if ((which != TRANSA && which != TRANSB) || size != 4) return UNSUPPORTED;
    memcpy(&o->transposed[which - TRANSA], from, size);
    return 0;
}
int cublasLtMatmulPreferenceSetAttribute(preference *p, int which, const void *from, size_t size) {
    if (which == WORKSPACE && size == 8) return memcpy(&p->workspace, from, size), 0;
    if (which == REDUCTION && size == 4) return memcpy(&p->reduction, from, size), 0;
    if (which < ALIGN_A || which > ALIGN_D || size != 4) return UNSUPPORTED;
    return memcpy(&p->aligned[which - ALIGN_A], from, size), 0;
}
int cublasLtMatmulAlgoGetHeuristic(void *handle, operation *o, layout *a, layout *b, layout *c,
                                   layout *d, preference *p, int most, result *found, int *count) {
    ANSWER;
    *count = 0;
    if (p->reduction & 1) return UNSUPPORTED; /* in place: not in the same order each time */
    memset(found, 0, sizeof *found);
    for (int k = 0; k < 4; k++) found->chosen.promised[k] = p->aligned[k];
    found->chosen.promised[4] = found->workspace = p->workspace;
    *count = 1;
    return 0;
}

static double element(const layout *m, uint64_t at, uint64_t row, uint64_t column) {
    uint64_t k = column * m->stride + row;
    return m->type ? ((double *)at)[k] : ((float *)at)[k];
}
static int is_there(const layout *m, uint64_t at) {
    long bytes = ((m->columns - 1) * m->stride + m->rows) * (m->type ? 8 : 4);
    return DRIVER(long, "stub_left", uint64_t)(at) >= bytes;
}
static int run(const void *given) {
    const product *p = given;
    int ta = p->how.transposed[0], tb = p->how.transposed[1];
    uint64_t terms = ta ? p->a.rows : p->a.columns;
    int fine = is_there(&p->a, p->at_a) && is_there(&p->b, p->at_b) && is_there(&p->out, p->at_out)
             && DRIVER(long, "stub_left", uint64_t)(p->workspace) >= (long)p->size;
    NOTE("%sproduct %lu %lu %lu %d %d %d %d %#lx", fine ? "" : "BAD ", p->out.rows, p->out.columns,
         terms, ta, tb, p->how.compute, p->out.type, p->at_out);
    if (!fine) return 700;
    for (uint64_t i = 0; i < p->out.rows; i++)
        for (uint64_t j = 0; j < p->out.columns; j++) {
            double sum = 0;
            for (uint64_t k = 0; k < terms; k++)
                sum += element(&p->a, p->at_a, ta ? k : i, ta ? i : k)
                     * element(&p->b, p->at_b, tb ? j : k, tb ? k : j);
            uint64_t at = j * p->out.stride + i;
            if (p->out.type) ((double *)p->at_out)[at] = sum;
            else ((float *)p->at_out)[at] = sum;
        }
    return 0;
}
static int fits(const operation *o, const layout *a, const layout *b, const layout *out) {
    int ta = o->transposed[0], tb = o->transposed[1];
    return (ta ? a->columns : a->rows) == out->rows && (tb ? b->rows : b->columns) == out->columns
        && (ta ? a->rows : a->columns) == (tb ? b->columns : b->rows)
        && a->type == o->type && b->type == o->type && out->type == o->type;
}
int cublasLtMatmul(void *handle, operation *o, const void *one, uint64_t a, layout *la, uint64_t b,
                   layout *lb, const void *zero, uint64_t c, layout *lc, uint64_t d, layout *ld,
                   const algorithm *chosen, uint64_t workspace, size_t size, void *stream) {
    ANSWER;
    const uint64_t *promised = chosen->promised, given[4] = {a, b, c, d};
    int kept = fits(o, la, lb, ld) && c == d && size >= promised[4];
    for (int k = 0; k < 4; k++) kept &= promised[k] && given[k] % promised[k] == 0;
    kept &= (o->type ? *(double *)one : *(float *)one) == 1;
    kept &= (o->type ? *(double *)zero : *(float *)zero) == 0;
    if (!kept) return NOTE("BAD product"), INVALID;
    product p = {*o, *la, *lb, *ld, a, b, d, workspace, size};
    int status = DRIVER(int, "stub_enqueue", int (*)(const void *), const void *, size_t, void *)(
        run, &p, sizeof p, stream);
    return status ? FAILED : 0;
}
