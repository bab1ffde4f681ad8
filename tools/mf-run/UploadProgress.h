// What mf-run tells while the parameters of a model travel to a device.
#ifndef MF_TOOLS_MF_RUN_UPLOADPROGRESS_H
#define MF_TOOLS_MF_RUN_UPLOADPROGRESS_H

#include "llvm/Support/raw_ostream.h"

#include <cstdint>

namespace mf::run {

/// On a terminal one line that is written anew for each percent, else a line for each ten.
class UploadProgress {
public:
  UploadProgress(llvm::raw_ostream &os, bool isTerminal) : os(os), isTerminal(isTerminal) {}

  /// The function of an mf_progress whose context is one of these.
  static void report(void *context, uint64_t done, uint64_t total) {
    static_cast<UploadProgress *>(context)->tell(done, total);
  }

private:
  void tell(uint64_t done, uint64_t total);

  llvm::raw_ostream &os;
  bool isTerminal;
  int told = -1; ///< percent
};

} // namespace mf::run

#endif // MF_TOOLS_MF_RUN_UPLOADPROGRESS_H
