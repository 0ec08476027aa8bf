/* SPDX-License-Identifier: MIT
 *
 * How far two words are from each other, for whoever mistyped one.
 */
#ifndef BASE_EDIT_DISTANCE_H
#define BASE_EDIT_DISTANCE_H

enum {
    EDIT_DISTANCE_MAX = 32, /* bytes of the longer one */
    EDIT_DISTANCE_FAR = 1000
};

/* How many bytes must be put in, taken out, changed or swapped with their neighbour to make b of a (optimal string alignment).
 * EDIT_DISTANCE_FAR if one has more than EDIT_DISTANCE_MAX. */
unsigned edit_distance(const char *a, const char *b);

#endif
