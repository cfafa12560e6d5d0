// SPDX-License-Identifier: MIT OR LGPL-2.1
#include "conformance_device.h"

RETURNS(PTO2TaskId, pto2_rt_submit_task(nullptr, MixedKernels(), PTOParam()));
RETURNS(PTO2TaskId, pto2_rt_submit_aic_task(nullptr, int32_t(), PTOParam()));
RETURNS(PTO2TaskId, pto2_rt_submit_aiv_task(nullptr, int32_t(), PTOParam()));
RETURNS(void, pto2_rt_add_dependency(nullptr, PTO2TaskId(), PTO2TaskId()));
SAME(decltype(PTO2TaskId::raw), uint64_t);
static_assert(PTO2TaskId().raw == 0, "");
SAME(decltype(PTO2TaskId().ring()), uint8_t);
SAME(decltype(PTO2TaskId().local()), uint32_t);
RETURNS(PTO2TaskId, pto2_make_task_id(uint8_t(), uint32_t()));
RETURNS(uint8_t, pto2_task_id_ring(PTO2TaskId()));
RETURNS(uint32_t, pto2_task_id_local(PTO2TaskId()));
RETURNS(uint64_t, pto2_task_id_raw(PTO2TaskId()));
static_assert(!std::is_convertible<uint64_t, PTO2TaskId>::value, "");
static_assert(PTO2TaskId(0) == pto2_make_task_id(0, 0), "");
static_assert(pto2_make_task_id(3, 7) != pto2_make_task_id(2, 7), "");
static_assert(pto2_make_task_id(3, 7).ring() == 3 && pto2_make_task_id(3, 7).local() == 7, "");
static_assert(pto2_task_id_ring(pto2_make_task_id(3, 7)) == 3, "");
static_assert(pto2_task_id_local(pto2_make_task_id(3, 7)) == 7, "");
static_assert(pto2_task_id_raw(PTO2TaskId(9)) == 9, "");
