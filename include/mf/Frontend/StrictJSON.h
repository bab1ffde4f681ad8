// JSON as checkpoints hold it, read strictly.
#ifndef MF_FRONTEND_STRICTJSON_H
#define MF_FRONTEND_STRICTJSON_H

#include "mf/Frontend/Problems.h"
#include "llvm/Support/JSON.h"
#include <optional>

namespace mlir::mf {

/// Parses `text`, a UTF-8 JSON object. A repeated key anywhere, nesting deeper than 32 and everything that is no JSON
/// object is a problem of `file`, at `name`.
std::optional<llvm::json::Object> parseStrictJSON(llvm::StringRef text, llvm::StringRef file, llvm::StringRef name,
                                                  Problems &problems);

/// `text` without the white space between its tokens. `text` must be valid JSON.
std::string compactJSON(llvm::StringRef text);

/// A value for a message, cut where it is long.
std::string describeJSON(const llvm::json::Value &value);

/// The keys of an object in alphabetical order, so that messages do not depend on the order of a hash table.
std::vector<llvm::StringRef> sortedKeys(const llvm::json::Object &object);

} // namespace mlir::mf

#endif // MF_FRONTEND_STRICTJSON_H
