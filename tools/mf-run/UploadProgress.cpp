// Progress of an upload as text.
#include "UploadProgress.h"

#include "llvm/Support/Format.h"

using namespace llvm;
using namespace mf::run;

void UploadProgress::tell(uint64_t done, uint64_t total) {
  int step = isTerminal ? 1 : 10;
  int percent = total == 0 ? 100 : int(100.0 * double(done) / double(total)) / step * step;
  if (percent == told)
    return;
  told = percent;
  os << (isTerminal ? "\r" : "") << format("parameters to the device: %3d %% of %.1f MB", percent, double(total) / 1e6)
     << (isTerminal && done < total ? "" : "\n");
  os.flush();
}
