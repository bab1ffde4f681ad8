// The error text lives in a thread-local buffer: no allocation on a path that may be reporting its failure.
#include "Error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

namespace mf::rt {

static constexpr size_t errorBytes = 2048;
static thread_local char errorText[errorBytes];

mf_status fail(mf_status status, const char *format, ...) {
  // A temporary, because the arguments may point into errorText.
  char text[errorBytes];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  memcpy(errorText, text, strlen(text) + 1);
  return status;
}

const char *lastError() { return errorText; }

const char *systemErrorText(int error, char *text, size_t bytes) { return strerror_r(error, text, bytes); }

} // namespace mf::rt
