/* SPDX-License-Identifier: MIT
 * There is none in WebAssembly, and shim/cmocka.h needs none. */
