// Writes the C header of a library.
#include "mf/Target/HeaderEmitter.h"
#include "mf/Target/EmbeddedFiles.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::mf;

/// Text for a C comment: names come from the model and may hold anything.
static std::string commentText(StringRef text) {
  std::string result;
  for (char c : text) {
    if (c == '/' && !result.empty() && (result.back() == '*' || result.back() == '/'))
      result += ' ';
    if (c == '*' && !result.empty() && result.back() == '/')
      result += ' ';
    result += llvm::isPrint(c) ? c : '?';
  }
  return result;
}

static std::string describeShape(const EntryPlan &entry, const OperandPlan &operand) {
  SmallVector<std::string> extents;
  for (int64_t extent : operand.shape)
    extents.push_back(extent >= 0 ? std::to_string(extent) : entry.dims[-1 - extent]);
  return operand.elementType + " [" + llvm::join(extents, ", ") + "]";
}

static void writeEntry(llvm::raw_ostream &os, const EntryPlan &entry) {
  static constexpr llvm::StringLiteral roles[] = {"input, borrowed, read", "output, borrowed, written in place",
                                                  "state, owned by the session"};
  os << " *\n *   " << commentText(entry.name) << "\n";
  int64_t states = llvm::count_if(entry.operands, [](const OperandPlan &o) { return o.role == MF_RT_STATE; });
  bool stateShown = false;
  for (const OperandPlan &operand : entry.operands) {
    // The caches of all layers are alike.
    if (operand.role == MF_RT_STATE && std::exchange(stateShown, true))
      continue;
    os << " *     " << commentText(operand.name + ": " + describeShape(entry, operand)) << "  (" << roles[operand.role];
    if (operand.role == MF_RT_STATE && states > 1)
      os << "; one of " << states << " states";
    os << ")\n";
  }
}

static constexpr llvm::StringLiteral sessionExample =
    R"( * Example (every call returns MF_OK or an error whose text is api->last_error()):
 *
 *   const mf_api *api = {0}(MF_ABI_VERSION);
 *   mf_model *model; mf_session *session; int32_t sequence, token, ids[] = {{1, 2, 3};
 *   static float row[{1}];
 *   int64_t n = 3, shape[] = {{1, {1}};
 *   DLTensor tokens = {{ids, {{kDLCPU, 0}, 1, {{kDLInt, 32, 1}, &n, NULL, 0};
 *   DLTensor logits = {{row, {{kDLCPU, 0}, 2, {{kDLFloat, 32, 1}, shape, NULL, 0};
 *   DLTensor vector = {{row, {{kDLCPU, 0}, 1, {{kDLFloat, 32, 1}, shape + 1, NULL, 0};
 *   if (!api || api->model_open(NULL, &model) || api->session_create(model, NULL, &session)) return 1;
 *   if (api->sequence_add(session, &sequence)) return 1;
 *   mf_feed feed = {{sequence, &tokens, MF_LOGITS_LAST};
 *   if (api->step(session, &feed, 1, &logits) || api->sample(session, &vector, NULL, &token)) return 1;
 *   api->session_destroy(session);
 *   api->model_close(model);
)";

static constexpr llvm::StringLiteral callExample =
    R"( * Example (every call returns MF_OK or an error whose text is api->last_error()):
 *
 *   const mf_api *api = {0}(MF_ABI_VERSION);
 *   mf_model *model;
 *   DLTensor input, output; // memory of the caller, shapes as above
 *   const DLTensor *inputs[] = {{&input};
 *   DLTensor *outputs[] = {{&output};
 *   if (!api || api->model_open(NULL, &model)) return 1;
 *   if (api->call(model, "{1}", inputs, 1, outputs, 1)) puts(api->last_error());
 *   api->model_close(model);
)";

std::string mlir::mf::writeHeader(const LibraryPlan &plan, StringRef libraryName) {
  std::string text;
  llvm::raw_string_ostream os(text);
  std::string function = "mf_" + plan.modelName + "_api",
              guard = "MF_MODEL_" + StringRef(plan.modelName).upper() + "_H";
  os << "/* Model '" << plan.modelName << "' in " << commentText(libraryName) << ", compiled for "
     << commentText(plan.triple) << " by mf-compile " << getCompilerVersion() << ".\n";
  if (plan.languageModel)
    os << " * A language model: vocabulary " << plan.languageModel->vocabulary << ", at most "
       << plan.languageModel->maxPositions << " positions; use the sessions of the interface.\n";
  os << " *\n * Entry points, with the tensors in the order of a call:\n";
  for (const EntryPlan &entry : plan.entries)
    writeEntry(os, entry);
  os << " *\n";
  if (plan.languageModel)
    os << llvm::formatv(sessionExample.data(), function, plan.languageModel->vocabulary);
  else
    os << llvm::formatv(callExample.data(), function, commentText(plan.entries.front().name));
  os << " */\n#ifndef " << guard << "\n#define " << guard << "\n\n"
     << getModelHeader() << "\n#ifdef __cplusplus\n"
     << "extern \"C\" {\n#endif\n\n"
     << "/* The interface of this model; NULL where it cannot serve `abi_version`, pass MF_ABI_VERSION. Static. */\n"
     << "const mf_api *" << function << "(int32_t abi_version);\n\n"
     << "#ifdef __cplusplus\n}\n#endif\n\n#endif /* " << guard << " */\n";
  return text;
}
