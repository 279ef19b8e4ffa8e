"""The environment variables that decide the bytes of results, beside code, data and versions.

NumPy and TensorFlow read them when they are imported, so `pin` comes first.
"""

from __future__ import annotations

import os
import platform

# What this process was started with, for one that replaces it.
INHERITED = dict(os.environ)
IS_X86 = platform.machine() in ("x86_64", "AMD64")

# XLA's own code for matrix products adds up in the order of a plain loop. The libraries that it
# would call otherwise choose their kernels by CPU type, and split sums by the sizes of its caches.
_XLA_OPTIONS = (
    "xla_force_enable_experimental_llvm_ir_gemm",
    # The tiles of 6 x 8 x 16 are the fastest of those tried for AVX2 (benchmarks/results.md).
    "xla_llvm_ir_gemm_tile_size=6:8:2*vectwidth",
    # The reciprocal square root of Intel and of AMD differ.
    "xla_cpu_disable_platform_dependent_math",
    # A loop becomes one function, whatever its size; this affects the speed only.
    "xla_cpu_small_while_loop_byte_threshold=1000000000",
)
_XLA_FLAGS = (
    # Needed for XLA's own products; there is one thread anyway.
    "--xla_cpu_multi_thread_eigen=false",
    # It chooses kernels by CPU.
    "--xla_cpu_use_xnnpack=false",
    # Its successor. It also cannot run fusions inside the loop of a prediction.
    "--xla_cpu_experimental_ynn_fusion_type=",
    f"--xla_backend_extra_options={','.join(_XLA_OPTIONS)}",
)
_X86_SETTINGS = {
    "XLA_FLAGS": " ".join(("--xla_cpu_max_isa=AVX2", *_XLA_FLAGS)),
    "OPENBLAS_CORETYPE": "Haswell",
    # All that NumPy has beyond AVX2.
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
}
SETTINGS = {
    "KERAS_BACKEND": "tensorflow",
    # Products outside XLA: oneDNN compiles itself for the CPU.
    "TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL": "0",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    # The order of sums depends on the number of threads.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "XLA_FLAGS": " ".join(_XLA_FLAGS),
    **(_X86_SETTINGS if IS_X86 else {}),
}
# Any other variable of these libraries could change a result.
_LIBRARIES = (
    *("DNNL_", "KERAS_", "NPY_", "OMP_", "ONEDNN_", "OPENBLAS_"),
    *("TENSORFLOW_", "TF_", "XLA_"),
)
_HARMLESS = (
    # Messages, memory, and what Keras itself sets.
    *("TF_CPP_", "TF_CPU_ALLOCATOR_USE_BFC", "TF_FORCE_GPU_ALLOW_GROWTH"),
    # Terraform's.
    *("TF_CLI_", "TF_DATA_DIR", "TF_IN_AUTOMATION", "TF_INPUT", "TF_LOG", "TF_PLUGIN_"),
    *("TF_REGISTRY_", "TF_TOKEN_", "TF_VAR_", "TF_WORKSPACE"),
)


def pin() -> list[str]:
    """Set `SETTINGS`, and remove all other variables of the same libraries.

    Returns the names of the variables that had another value, sorted.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(_LIBRARIES) and not name.startswith(_HARMLESS)
    }
    for name in inherited.keys() - SETTINGS.keys():
        del os.environ[name]
    os.environ.update(SETTINGS)
    return sorted(name for name in inherited if inherited[name] != SETTINGS.get(name))
