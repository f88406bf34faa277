/* Characters that nobody sees. */
#include "unseen.h"

bool unseen_character(gunichar c)
{
    GUnicodeType type = g_unichar_type(c);
    return type == G_UNICODE_CONTROL || type == G_UNICODE_FORMAT || (c >= 0x115f && c <= 0x1160) ||
           c == 0x2065 || c == 0x2800 || c == 0x3164 || c == 0xffa0 ||
           (c >= 0xfff0 && c <= 0xfff8) || (c >= 0xe0000 && c <= 0xe0fff);
}
