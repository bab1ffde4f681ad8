// Status codes and the per-thread text of the last error.
#ifndef MF_LIB_RUNTIME_ERROR_H
#define MF_LIB_RUNTIME_ERROR_H

#include "mf-c/model.h"

namespace mf::rt {

/// Records the calling thread's error text, printf-like and cut to a fixed length, and returns `status`. Arguments may
/// point into the text of the last error. The text names the thing, what was expected and what was found.
__attribute__((format(printf, 2, 3))) mf_status fail(mf_status status, const char *format, ...);

/// The calling thread's last error, "" where there was none.
const char *lastError();

/// Copies the text of a system error number into `text` and returns it.
const char *systemErrorText(int error, char *text, size_t bytes);

} // namespace mf::rt

#endif // MF_LIB_RUNTIME_ERROR_H
