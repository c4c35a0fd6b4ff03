"""What the status codes of the driver and of cuBLASLt mean to the user."""

from __future__ import annotations

# By CUresult.
MEANING = {
    1: "an argument that the driver does not take; please report this as a bug in graphdl",
    2: "no memory is left for it. Use a smaller batch, less data at once or float32, or end what else "
    "runs on the GPU (see nvidia-smi)",
    3: "the driver could not start. Look at nvidia-smi",
    4: "the driver is shutting down",
    46: "the GPU is in use by another process alone, or cannot be used (see nvidia-smi)",
    100: "there is no GPU. Look at nvidia-smi and at CUDA_VISIBLE_DEVICES",
    101: "there is no such GPU. Look at CUDA_VISIBLE_DEVICES",
    200: "the machine code is damaged. Remove it from the cache directory (GRAPHDL_CACHE_DIR)",
    209: "the machine code is for another kind of GPU. Remove it from the cache directory "
    "(GRAPHDL_CACHE_DIR)",
    218: "the machine code is newer than the driver. Install a newer driver",
    222: "the machine code is newer than the driver. Install a newer driver",
    500: "a kernel that the machine code does not hold. Remove it from the cache directory "
    "(GRAPHDL_CACHE_DIR)",
    701: "a kernel needs more registers or shared memory than the GPU has; please report this as a "
    "bug in graphdl",
    999: "the driver does not know what went wrong. Look at nvidia-smi and the system's log",
}
LOST = {  # nothing on the GPU can be read after these
    214: "the GPU found an error in its memory that it could not correct",
    700: "a kernel reached for memory that is nobody's",
    702: "a kernel ran longer than the system allows; a GPU that drives no display has no such limit",
    709: "the context was destroyed by another library of this process",
    714: "a kernel broke the stack of the hardware",
    715: "a kernel held an instruction that this GPU does not know",
    716: "a kernel reached for memory at an address that is not aligned",
    717: "a kernel reached for memory of a kind that its instruction does not reach",
    718: "a kernel went on at an address that holds no instruction",
    719: "a kernel broke off",
}
# By cublasStatus_t.
OF_CUBLAS = {
    1: "cuBLASLt could not start. Look at nvidia-smi; nvidia-cublas may be newer than the driver",
    3: "no memory is left for it. Use a smaller batch, less data at once or float32, or end what else "
    "runs on the GPU (see nvidia-smi)",
    7: "cuBLASLt does not take what it was given; please report this as a bug in graphdl",
    8: "cuBLASLt does not know this GPU. Install a newer nvidia-cublas",
    11: "cuBLASLt cannot reach the memory of the GPU. Look at nvidia-smi and the system's log",
    13: "the GPU broke off what cuBLASLt had launched, which may have come from a kernel before it. "
    "Start Python anew; compute-sanitizer finds the place",
    14: "cuBLASLt failed within itself. Look at nvidia-smi; CUBLASLT_LOG_LEVEL=5 shows more",
    15: "cuBLASLt has no way to do it on this GPU. Leave matmul_precision at 'float32', or install a "
    "newer nvidia-cublas",
}
AFTERWARDS = (
    "The memory of the GPU is lost with it: weights are those that the host read last. Start Python "
    "anew; compute-sanitizer finds the place, and it is a bug in graphdl to report"
)


def words(doing: str, name: str, code: int) -> str:
    """The message of an error: what was asked for, the driver's answer, the cure."""
    if code in LOST:
        return f"{doing}: {LOST[code]} ({name}). {AFTERWARDS}"
    return f"{doing}: {MEANING.get(code, 'the driver refused')} ({name})"


def words_of_cublas(doing: str, name: str, code: int) -> str:
    """The same of cuBLASLt's answers."""
    return f"{doing}: {OF_CUBLAS.get(code, 'cuBLASLt refused')} ({name})"
