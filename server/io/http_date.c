/* SPDX-License-Identifier: MIT
 *
 * A date is read strictly: two readers that guess differently would answer differently. That the day of the week is the
 * date's own is not asked, because no reader needs it.
 */
#include "server/io/http_date.h"

#include <stdio.h>
#include <time.h>

enum {
    YEAR_MAX = 9999,
    CENTURY = 100
};

static const int64_t FIFTY_YEARS = 50 * INT64_C(31556952);

static const char *const DAYS[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", NULL};
static const char *const LONG_DAYS[] = {
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", NULL};
static const char *const MONTHS[] = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", NULL};

bool http_date_write(int64_t unix_s, char out[HTTP_DATE_LEN + 1])
{
    struct tm t;
    time_t at = (time_t)unix_s;
    out[0] = '\0';
    if (!gmtime_r(&at, &t) || t.tm_year < -1900 || t.tm_year > YEAR_MAX - 1900)
        return false;
    int n = snprintf(out, HTTP_DATE_LEN + 1, "%s, %02d %s %04d %02d:%02d:%02d GMT", DAYS[t.tm_wday], t.tm_mday,
        MONTHS[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
    return n == HTTP_DATE_LEN;
}

/* ---- reading: each takes what it names off the front, or returns false ---- */

static bool take_text(struct span *s, const char *text)
{
    size_t n = strlen(text);
    if (s->n < n || memcmp(s->p, text, n) != 0)
        return false;
    *s = (struct span){s->p + n, s->n - n};
    return true;
}

static bool take_digits(struct span *s, size_t n, int *value)
{
    if (s->n < n)
        return false;
    *value = 0;
    for (size_t i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return false;
        *value = *value * 10 + (s->p[i] - '0');
    }
    *s = (struct span){s->p + n, s->n - n};
    return true;
}

static bool take_name(struct span *s, const char *const *names, int *which)
{
    for (*which = 0; names[*which]; (*which)++)
        if (take_text(s, names[*which]))
            return true;
    return false;
}

static bool take_time(struct span *s, struct tm *t)
{
    return take_digits(s, 2, &t->tm_hour) && take_text(s, ":") && take_digits(s, 2, &t->tm_min) && take_text(s, ":") &&
           take_digits(s, 2, &t->tm_sec);
}

static bool take_year(struct span *s, size_t digits, struct tm *t)
{
    if (!take_digits(s, digits, &t->tm_year))
        return false;
    t->tm_year -= 1900;
    return true;
}

/* Sun, 06 Nov 1994 08:49:37 GMT */
static bool read_fixed(struct span s, struct tm *t)
{
    return take_name(&s, DAYS, &t->tm_wday) && take_text(&s, ", ") && take_digits(&s, 2, &t->tm_mday) &&
           take_text(&s, " ") && take_name(&s, MONTHS, &t->tm_mon) && take_text(&s, " ") && take_year(&s, 4, t) &&
           take_text(&s, " ") && take_time(&s, t) && take_text(&s, " GMT") && s.n == 0;
}

/* Sunday, 06-Nov-94 08:49:37 GMT */
static bool read_rfc850(struct span s, struct tm *t)
{
    return take_name(&s, LONG_DAYS, &t->tm_wday) && take_text(&s, ", ") && take_digits(&s, 2, &t->tm_mday) &&
           take_text(&s, "-") && take_name(&s, MONTHS, &t->tm_mon) && take_text(&s, "-") && take_year(&s, 2, t) &&
           take_text(&s, " ") && take_time(&s, t) && take_text(&s, " GMT") && s.n == 0;
}

/* Sun Nov  6 08:49:37 1994 */
static bool read_asctime(struct span s, struct tm *t)
{
    return take_name(&s, DAYS, &t->tm_wday) && take_text(&s, " ") && take_name(&s, MONTHS, &t->tm_mon) &&
           take_text(&s, " ") &&
           (take_text(&s, " ") ? take_digits(&s, 1, &t->tm_mday) : take_digits(&s, 2, &t->tm_mday)) &&
           take_text(&s, " ") && take_time(&s, t) && take_text(&s, " ") && take_year(&s, 4, t) && s.n == 0;
}

/* False for a time of day or a day of the month that does not exist. A minute may have a leap second. */
static bool to_unix(struct tm t, int64_t *unix_s)
{
    if (t.tm_hour > 23 || t.tm_min > 59 || t.tm_sec > 60)
        return false;
    int leap = t.tm_sec == 60, day = t.tm_mday;
    t.tm_sec -= leap;
    *unix_s = (int64_t)timegm(&t) + leap;
    return day > 0 && t.tm_mday == day;
}

bool http_date_read(struct span text, int64_t now, int64_t *unix_s)
{
    struct tm t = {.tm_sec = 0}, today;
    if (read_fixed(text, &t) || read_asctime(text, &t))
        return to_unix(t, unix_s);
    time_t at = (time_t)now;
    if (!read_rfc850(text, &t) || !gmtime_r(&at, &today))
        return false;
    /* Section 5.6.7: more than 50 years in the future means the past. */
    t.tm_year += 1900 + today.tm_year - today.tm_year % CENTURY;
    if (!to_unix(t, unix_s))
        return false;
    if (*unix_s - now > FIFTY_YEARS)
        t.tm_year -= CENTURY;
    return to_unix(t, unix_s);
}
