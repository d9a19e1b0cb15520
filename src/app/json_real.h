/*
 * Doubles to decimal digits. Pure.
 */
#ifndef SL__APP_JSON_REAL_H
#define SL__APP_JSON_REAL_H

#include <stdbool.h>
#include <stdint.h>

#define SL__REAL_DIGITS 17 /* the most there can be */

/**
 * The digits of a positive finite number, without a zero in front or behind.
 *
 * @param text   receives them, at most SL__REAL_DIGITS and one more in between
 * @param ret_k  the number is the digits times 10^k
 * @return       how many there are
 */
int sl__real_digits(double value, char *text, int *ret_k);

#endif
