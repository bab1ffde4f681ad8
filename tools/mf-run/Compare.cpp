// Compares an output with an expected array.
#include "Run.h"

#include "llvm/Support/Format.h"

#include <cmath>

using namespace llvm;
using namespace mf::run;

namespace {
/// What a comparison found.
struct Differences {
  int64_t refused = 0;       ///< elements beyond the tolerance
  int64_t firstRefused = -1; ///< flattened index
  double maxAbsolute = 0;
  double maxRelative = 0; ///< over elements whose expectation is not 0
};
} // namespace

static void addElement(Differences &differences, int64_t index, double found, double expected, double atol,
                       double rtol) {
  if (found == expected || (std::isnan(found) && std::isnan(expected)))
    return;
  double error = std::fabs(found - expected);
  // A NaN or an infinity on one side only is never within a tolerance.
  if (!std::isfinite(error))
    error = HUGE_VAL;
  differences.maxAbsolute = std::max(differences.maxAbsolute, error);
  if (expected != 0)
    differences.maxRelative = std::max(differences.maxRelative, error / std::fabs(expected));
  if (std::isfinite(error) && error <= atol + rtol * std::fabs(expected))
    return;
  ++differences.refused;
  if (differences.firstRefused < 0)
    differences.firstRefused = index;
}

bool mf::run::compareArrays(StringRef name, const Array &found, const Array &expected, double atol, double rtol,
                            raw_ostream &os) {
  if (found.shape != expected.shape) {
    os << name << ": expected " << expected.getTypeText() << ", found " << found.getTypeText() << '\n';
    return false;
  }
  Differences differences;
  int64_t count = found.getElementCount();
  for (int64_t i = 0; i < count; ++i)
    addElement(differences, i, found.getElement(i), expected.getElement(i), atol, rtol);
  os << name << ' ' << found.getTypeText()
     << format(": max abs error %.3g, max rel error %.3g", differences.maxAbsolute, differences.maxRelative);
  if (differences.refused) {
    int64_t index = differences.firstRefused;
    os << ", " << differences.refused << " of " << count << " elements differ, the first at " << index
       << format(": expected %.9g, found %.9g", expected.getElement(index), found.getElement(index));
  }
  os << '\n';
  return differences.refused == 0;
}
