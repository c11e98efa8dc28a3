#include "certs/pins.h"

#include <string.h>
#include <strings.h>

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool pin_parse(const char *text, uint8_t pin[PIN_SIZE])
{
    static const char kind[] = "sha256:";
    bool colons;

    if (strncasecmp(text, kind, sizeof kind - 1) != 0)
        return false;
    text += sizeof kind - 1;
    colons = strlen(text) == 3 * PIN_SIZE - 1;
    if (!colons && strlen(text) != 2 * PIN_SIZE)
        return false;
    for (size_t i = 0; i < PIN_SIZE; i++) {
        int high = digit(text[0]);
        int low = digit(text[1]);

        if (high < 0 || low < 0)
            return false;
        pin[i] = (uint8_t)(high << 4 | low);
        text += 2;
        if (colons && i + 1 < PIN_SIZE && *text++ != ':')
            return false;
    }
    return true;
}

bool pins_have(const struct pins *pins, const uint8_t pin[PIN_SIZE])
{
    for (size_t i = 0; i < pins->count; i++) {
        if (memcmp(pins->pin[i], pin, PIN_SIZE) == 0)
            return true;
    }
    return false;
}

bool pins_add(struct pins *pins, const uint8_t pin[PIN_SIZE])
{
    if (pins->count >= PINS_MAX || pins_have(pins, pin))
        return false;
    memcpy(pins->pin[pins->count++], pin, PIN_SIZE);
    return true;
}

bool pins_equal(const struct pins *a, const struct pins *b)
{
    return a->count == b->count && memcmp(a->pin, b->pin, a->count * PIN_SIZE) == 0;
}
