// A text that grows, and JSON strings in it.
#ifndef MF_LIB_RUNTIME_TEXT_H
#define MF_LIB_RUNTIME_TEXT_H

#include <stddef.h>

namespace mf::rt {

/// A growing NUL-terminated text. Out of memory, it is marked and ignores what follows. Freed with free(data).
struct Text {
  char *data;
  size_t length, capacity;
  bool failed;

  void append(const char *text, size_t bytes);
  void append(const char *text);
  __attribute__((format(printf, 2, 3))) void appendFormat(const char *format, ...);
  /// Appends a quoted JSON string (RFC 8259). Bytes that are no UTF-8 become U+FFFD.
  void appendString(const char *text);
};

} // namespace mf::rt

#endif // MF_LIB_RUNTIME_TEXT_H
