"""Time and memory of rnnbench next to what people would use instead.

``python -m benchmarks`` measures everything, ``python -m benchmarks training`` one part, and
replaces their sections of benchmarks/results.md. PyTorch and JAX are optional: the environment
variable PEERS names the Python interpreter of an environment with NumPy and either of them;
without it they are looked for in rnnbench's environment. Rows of missing ones are left out.
"""

import os

# As inherited: rnnbench changes it for itself.
ENVIRONMENT = dict(os.environ)
