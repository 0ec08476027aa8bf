/* SPDX-License-Identifier: MIT
 *
 * The options as the core and io want them. What is made for them (keys, seals, ICE servers) is the app's to add.
 */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include "server/config.h"
#include "server/core/core.h"
#include "server/io/io.h"

/* Without ports, crypto and ice_refresh_ms. */
struct core_settings settings_of_core(const struct config *c);
/* Its texts and lists are borrowed from the configuration. */
struct io_settings settings_of_io(const struct config *c);

#endif
