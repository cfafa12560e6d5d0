// SPDX-License-Identifier: MIT OR LGPL-2.1
#define LANE 1
#include "lane.h"
