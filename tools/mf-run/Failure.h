// Errors of mf-run: a text and the exit code that the program ends with.
#ifndef MF_TOOLS_MF_RUN_FAILURE_H
#define MF_TOOLS_MF_RUN_FAILURE_H

#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace mf::run {

/// Exit codes. They are stable: a code keeps its number and meaning.
enum ExitCode : int {
  ExitSuccess = 0,
  ExitMismatch = 1,    ///< an output differs from --expected
  ExitUsage = 2,       ///< the command line
  ExitFile = 3,        ///< an .npy or .mfp file, or an output that cannot be written
  ExitLibrary = 4,     ///< what was given as a model library is none
  ExitFirstStatus = 10 ///< plus the library's status code (mf_status)
};

/// Text of the exit codes for --help.
inline constexpr const char *exitCodeHelp =
    "\nEXIT CODES:\n"
    "  0   success\n"
    "  1   an output differs from --expected\n"
    "  2   the command line is wrong\n"
    "  3   an .npy or .mfp file cannot be read, is malformed, or cannot be written\n"
    "  4   the model library cannot be loaded or is no model library\n"
    "  11  the library: invalid argument        15  the library: no variant runs on this CPU\n"
    "  12  the library: out of memory           16  the library: a session limit is exceeded\n"
    "  13  the library: a file cannot be read   17  the library: unsupported\n"
    "  14  the library: bad parameter file      18  the library: a kernel failed on its device\n"
    "  19  the library: no such device, or no driver for it\n";

class Failure : public llvm::ErrorInfo<Failure> {
public:
  static char ID;

  Failure(int exitCode, const llvm::Twine &text) : exitCode(exitCode), text(text.str()) {}

  int getExitCode() const { return exitCode; }
  void log(llvm::raw_ostream &os) const override { os << text; }
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }

private:
  int exitCode;
  std::string text;
};

inline llvm::Error fail(int exitCode, const llvm::Twine &text) { return llvm::make_error<Failure>(exitCode, text); }

} // namespace mf::run

#endif // MF_TOOLS_MF_RUN_FAILURE_H
