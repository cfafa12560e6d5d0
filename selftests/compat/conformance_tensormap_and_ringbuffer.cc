// SPDX-License-Identifier: MIT OR LGPL-2.1
#include "conformance_device.h"

RETURNS(void, pto2_rt_submit_task(nullptr, MixedKernels(), PTOParam()));
RETURNS(void, pto2_rt_submit_aic_task(nullptr, int32_t(), PTOParam()));
RETURNS(void, pto2_rt_submit_aiv_task(nullptr, int32_t(), PTOParam()));
