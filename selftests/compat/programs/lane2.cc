// SPDX-License-Identifier: MIT OR LGPL-2.1
#define LANE 2
#include "lane.h"
