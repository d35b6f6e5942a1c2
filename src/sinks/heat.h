/* heat.h - from a level to a colour: near-white for nothing, over green and blue to a dark violet, for pictures on white paper.
 *
 * Equal steps of level are equal steps to the eye: the way goes through Oklab (B. Ottosson, "A perceptual color space for image
 * processing", 2020, bottosson.github.io/posts/oklab), straight in lightness, so that it also holds in grey and to colour-blind
 * people. */
#ifndef EM_SINKS_HEAT_H
#define EM_SINKS_HEAT_H

/* level 0..1, others count as the nearest; NAN as 0. rgb: sRGB, 0..255. */
void em_heat(unsigned char rgb[3], double level);

/* The same colour in Oklab: lightness, and two of hue. */
void em_heat_lab(double lab[3], double level);

#endif
