# SPDX-License-Identifier: MIT OR LGPL-2.1
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2]
KERNELS = [
    {"func_id": 0, "source": str(SOURCES / "combine.cc"), "core_type": "aiv"},
    {"func_id": 1, "source": str(SOURCES / "lane0.cc"), "core_type": "aic"},
    {"func_id": 2, "source": str(SOURCES / "lane1.cc"), "core_type": "aiv"},
    {"func_id": 3, "source": str(SOURCES / "lane2.cc"), "core_type": "aiv"},
]
ORCHESTRATION = {"source": "orch.cc", "function_name": "aicpu_orchestration_entry"}
RUNTIME_CONFIG = {
    "runtime": "aicpu_build_graph",
    "aicpu_thread_num": 4,
    "orch_thread_num": 2,
    "block_dim": 3,
    "rounds": 2,
}
RUNTIME_ENV = {"PTO2_RING_TASK_WINDOW": 16}
