# SPDX-License-Identifier: MIT OR LGPL-2.1
KERNELS = [
    {"func_id": 0, "source": "../../axpby.cc", "core_type": "aic"},
    {"func_id": 1, "source": "../../axpby.cc", "core_type": "aiv"},
]
ORCHESTRATION = {"source": "orch.cc", "function_name": "build"}
RUNTIME_CONFIG = {"runtime": "host_build_graph", "aicpu_thread_num": 2, "block_dim": 3, "rounds": 2}
