// A growing text on malloc.
#include "Text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace mf::rt {

void Text::append(const char *text, size_t bytes) {
  if (failed)
    return;
  if (length + bytes + 1 > capacity) {
    size_t wanted = 2 * (length + bytes) + 256;
    char *grown = static_cast<char *>(realloc(data, wanted));
    if (!grown) {
      failed = true;
      return;
    }
    data = grown;
    capacity = wanted;
  }
  memcpy(data + length, text, bytes);
  length += bytes;
  data[length] = 0;
}

void Text::append(const char *text) { append(text, strlen(text)); }

void Text::appendFormat(const char *format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  append(text);
}

/// The length of the UTF-8 sequence at `text` (RFC 3629), or 0 where there is none.
static size_t utf8Length(const unsigned char *text) {
  unsigned char first = text[0];
  if (first < 0x80)
    return 1;
  size_t length = first >= 0xc2 && first < 0xe0   ? 2
                  : (first & 0xf0) == 0xe0        ? 3
                  : first >= 0xf0 && first < 0xf5 ? 4
                                                  : 0;
  for (size_t i = 1; i < length; ++i)
    if ((text[i] & 0xc0) != 0x80)
      return 0;
  // Overlong forms, surrogates, and what is beyond U+10FFFF.
  bool bad = (first == 0xe0 && text[1] < 0xa0) || (first == 0xed && text[1] >= 0xa0) ||
             (first == 0xf0 && text[1] < 0x90) || (first == 0xf4 && text[1] >= 0x90);
  return bad ? 0 : length;
}

void Text::appendString(const char *string) {
  append("\"");
  for (const unsigned char *text = reinterpret_cast<const unsigned char *>(string); *text;) {
    size_t bytes = utf8Length(text);
    if (bytes == 0)
      append("\\ufffd");
    else if (*text == '"' || *text == '\\')
      appendFormat("\\%c", *text);
    else if (*text < 0x20)
      appendFormat("\\u%04x", *text);
    else
      append(reinterpret_cast<const char *>(text), bytes);
    text += bytes ? bytes : 1;
  }
  append("\"");
}

} // namespace mf::rt
