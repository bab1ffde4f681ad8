// What is wrong with a model that a user gave: a list of findings, so that all of them are told at once.
#ifndef MF_FRONTEND_PROBLEMS_H
#define MF_FRONTEND_PROBLEMS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/raw_ostream.h"
#include <string>
#include <vector>

namespace mlir::mf {

/// One finding.
struct Problem {
  /// File or directory it is about.
  std::string file;
  /// Key, tensor or place in the file; may be empty.
  std::string name;
  /// What would have been right.
  std::string expected;
  /// What is there.
  std::string found;

  /// "FILE: NAME: expected EXPECTED, found FOUND" on one line; control characters are shown as '?'.
  std::string str() const;
};

/// Findings in the order in which they were made.
class Problems {
public:
  void add(const llvm::Twine &file, const llvm::Twine &name, const llvm::Twine &expected, const llvm::Twine &found);

  bool empty() const { return problems.empty(); }
  size_t size() const { return problems.size(); }
  llvm::ArrayRef<Problem> list() const { return problems; }

  /// Writes "error: " and the text of each finding, a line each.
  void print(llvm::raw_ostream &os) const;

private:
  std::vector<Problem> problems;
};

} // namespace mlir::mf

#endif // MF_FRONTEND_PROBLEMS_H
