// The list of findings about a model.
#include "mf/Frontend/Problems.h"

using namespace mlir::mf;

std::string Problem::str() const {
  std::string text = file + ": ";
  if (!name.empty())
    text += name + ": ";
  text += "expected " + expected + ", found " + found;
  // Names come from files: they must neither break the line nor steer a terminal.
  for (char &c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      c = '?';
  return text;
}

void Problems::add(const llvm::Twine &file, const llvm::Twine &name, const llvm::Twine &expected,
                   const llvm::Twine &found) {
  problems.push_back({file.str(), name.str(), expected.str(), found.str()});
}

void Problems::print(llvm::raw_ostream &os) const {
  for (const Problem &problem : problems)
    os << "error: " << problem.str() << '\n';
}
