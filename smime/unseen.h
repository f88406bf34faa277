/* Characters that nobody sees. */
#ifndef SMIME_UNSEEN_H
#define SMIME_UNSEEN_H

#include <stdbool.h>

#include <gmime/gmime.h>

/* Is `c` a control character, formatting, or one of the letters and signs that are shown as nothing
 * though they are no marks (Default_Ignorable_Code_Point of Unicode), the blank of Braille among
 * them? Accents and other blanks are not meant. */
bool unseen_character(gunichar c);

#endif
