/* SPDX-License-Identifier: MIT
 *
 * report: how a call went, for the statistics, which count it among the frames (core_stats). Nobody is answered.
 */
#include "server/core/on.h"

const struct handler on_report = {NULL, NULL};
