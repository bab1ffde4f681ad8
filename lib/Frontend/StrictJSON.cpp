// Strict JSON: llvm::json keeps only one of two equal keys and recurses as deep as the text says, so a scan of the text
// looks for both before it is parsed.
#include "mf/Frontend/StrictJSON.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir::mf;
namespace json = llvm::json;
using llvm::StringRef;

static constexpr size_t kMaxDepth = 32;

namespace {
/// Walks over the tokens of a text that may be no JSON at all.
class KeyScanner {
public:
  explicit KeyScanner(StringRef text) : text(text) {}

  /// False where the nesting is too deep to be parsed.
  bool scan();

  /// Keys that stood twice in one object.
  std::vector<std::string> repeated;

private:
  struct Scope {
    bool isObject;
    /// Whether the next string is a key.
    bool expectsKey;
    llvm::StringSet<> keys;
  };

  void takeString();

  StringRef text;
  size_t position = 0;
  std::vector<Scope> scopes;
};
} // namespace

/// The place after the string that begins at `begin` with its quote.
static size_t endOfString(StringRef text, size_t begin) {
  size_t end = begin + 1;
  while (end < text.size() && text[end] != '"')
    end += text[end] == '\\' ? 2 : 1;
  return std::min(end + 1, text.size());
}

void KeyScanner::takeString() {
  StringRef token = text.slice(position, endOfString(text, position));
  position += token.size();
  if (scopes.empty() || !scopes.back().expectsKey)
    return;
  scopes.back().expectsKey = false;
  // "a" and "\u0061" are the same key.
  std::string key = token.drop_front().drop_back(token.size() > 1 ? 1 : 0).str();
  if (token.contains('\\')) {
    llvm::Expected<json::Value> decoded = json::parse(token);
    if (!decoded)
      return llvm::consumeError(decoded.takeError());
    key = decoded->getAsString()->str();
  }
  if (!scopes.back().keys.insert(key).second)
    repeated.push_back(std::move(key));
}

bool KeyScanner::scan() {
  while (position < text.size()) {
    char c = text[position];
    if (c == '"') {
      takeString();
      continue;
    }
    ++position;
    if (c == '{' || c == '[') {
      if (scopes.size() == kMaxDepth)
        return false;
      scopes.push_back({c == '{', c == '{', {}});
    } else if ((c == '}' || c == ']') && !scopes.empty()) {
      scopes.pop_back();
    } else if (c == ',' && !scopes.empty()) {
      scopes.back().expectsKey = scopes.back().isObject;
    }
  }
  return true;
}

std::optional<json::Object> mlir::mf::parseStrictJSON(StringRef text, StringRef file, StringRef name,
                                                      Problems &problems) {
  KeyScanner scanner(text);
  if (!scanner.scan()) {
    problems.add(file, name, "JSON nested at most " + llvm::Twine(kMaxDepth) + " deep", "deeper nesting");
    return std::nullopt;
  }
  llvm::Expected<json::Value> value = json::parse(text);
  if (!value) {
    problems.add(file, name, "a JSON object", "no valid JSON: " + llvm::toString(value.takeError()));
    return std::nullopt;
  }
  for (const std::string &key : scanner.repeated)
    problems.add(file, name, "each key once", "\"" + key + "\" repeated");
  json::Object *object = value->getAsObject();
  if (!object)
    problems.add(file, name, "a JSON object", describeJSON(*value));
  if (!object || !scanner.repeated.empty())
    return std::nullopt;
  return std::move(*object);
}

std::string mlir::mf::compactJSON(StringRef text) {
  std::string compact;
  for (size_t position = 0; position < text.size();) {
    size_t end = text[position] == '"' ? endOfString(text, position) : position + 1;
    if (!StringRef(" \t\r\n").contains(text[position]))
      compact += text.slice(position, end);
    position = end;
  }
  return compact;
}

std::string mlir::mf::describeJSON(const json::Value &value) {
  constexpr size_t kMaxLength = 80;
  std::string text = llvm::formatv("{0}", value);
  return text.size() <= kMaxLength ? text : json::fixUTF8(StringRef(text).take_front(kMaxLength)) + "...";
}

std::vector<StringRef> mlir::mf::sortedKeys(const json::Object &object) {
  std::vector<StringRef> keys;
  for (const auto &entry : object)
    keys.push_back(entry.first);
  llvm::sort(keys);
  return keys;
}
