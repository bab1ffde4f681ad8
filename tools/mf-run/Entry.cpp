// Calls an entry point with tensors from files.
#include "Run.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Format.h"

#include <chrono>

using namespace llvm;
using namespace mf::run;

namespace {
/// An operand as the library describes it.
struct Operand {
  std::string name;
  bool isOutput;
  DLDataType dtype;
  json::Array shape; ///< an integer, or the name of a symbolic dimension
  Array array = {};
  std::string outputFile = "", expectedFile = ""; ///< empty: none
};

/// One call: its operands in order.
struct Call {
  StringRef entry;
  std::vector<Operand> operands;

  /// Gives each text "@file" or "name=@file" to an operand of the role.
  Error assign(ArrayRef<std::string> texts, bool toOutputs, StringRef option,
               function_ref<Error(Operand &, StringRef file)> use);
  /// Allocates the outputs, shaped by the dimensions that the inputs bind.
  Error createOutputs();

private:
  Expected<Operand *> find(StringRef name, bool isOutput, size_t place, StringRef option);
};
} // namespace

static Error describeFailure(StringRef entry) {
  return fail(ExitLibrary, "the library's information describes the entry '" + entry + "' in an unknown way");
}

static Expected<Call> describeCall(const Library &library, StringRef name) {
  Call call;
  std::string names;
  // A copy of an array would leave the names that point into it behind.
  const json::Array none;
  const json::Array *entries = library.getInfo().getArray("entries");
  for (const json::Value &value : entries ? *entries : none) {
    const json::Object *entry = value.getAsObject();
    StringRef entryName = entry ? entry->getString("name").value_or("") : "";
    names += (names.empty() ? "" : ", ") + entryName.str();
    if (entryName != name)
      continue;
    call.entry = entryName;
    const json::Array *operands = entry->getArray("operands");
    for (const json::Value &item : operands ? *operands : none) {
      const json::Object *operand = item.getAsObject();
      if (!operand || !operand->getArray("shape") || !operand->getString("role") || !operand->getString("dtype"))
        return describeFailure(name);
      auto dtype = parseDtype(*operand->getString("dtype"));
      if (!dtype)
        return dtype.takeError();
      call.operands.push_back({operand->getString("name").value_or("").str(), *operand->getString("role") == "output",
                               *dtype, *operand->getArray("shape")});
    }
    return call;
  }
  return fail(ExitUsage, "no entry '" + name + "'; the library has " + (names.empty() ? "none" : names));
}

Expected<Operand *> Call::find(StringRef name, bool isOutput, size_t place, StringRef option) {
  size_t count = 0;
  for (Operand &operand : operands) {
    if (operand.isOutput != isOutput)
      continue;
    if (name.empty() ? count == place : operand.name == name)
      return &operand;
    ++count;
  }
  if (!name.empty())
    return fail(ExitUsage, "--" + option + ": entry '" + entry + "' has no " + (isOutput ? "output" : "input") + " '" +
                               name + "'");
  return fail(ExitUsage, "--" + option + ": entry '" + entry + "' has " + Twine(count) +
                             (isOutput ? " outputs" : " inputs") + ", found one more");
}

Error Call::assign(ArrayRef<std::string> texts, bool toOutputs, StringRef option,
                   function_ref<Error(Operand &, StringRef file)> use) {
  size_t place = 0;
  for (StringRef text : texts) {
    auto [name, file] = text.starts_with("@") ? std::pair(StringRef(), text) : text.split('=');
    if (!file.consume_front("@") || file.empty())
      return fail(ExitUsage, "--" + option + ": expected @file.npy or name=@file.npy, found '" + text + "'");
    auto operand = find(name, toOutputs, place, option);
    if (!operand)
      return operand.takeError();
    place += name.empty();
    if (Error error = use(**operand, file))
      return error;
  }
  return Error::success();
}

Error Call::createOutputs() {
  StringMap<int64_t> dims;
  for (Operand &operand : operands)
    for (auto [extent, given] : zip(operand.shape, operand.array.shape))
      if (auto dim = extent.getAsString(); dim && !operand.isOutput)
        dims[*dim] = given;
  for (Operand &operand : operands) {
    if (!operand.isOutput)
      continue;
    SmallVector<int64_t> shape;
    for (const json::Value &extent : operand.shape) {
      auto dim = extent.getAsString();
      if (!dim && !extent.getAsInteger())
        return describeFailure(entry);
      if (dim && !dims.count(*dim))
        return fail(ExitUsage, "entry '" + entry + "': no input says how many '" + *dim + "' the output '" +
                                   operand.name + "' has");
      shape.push_back(dim ? dims[*dim] : *extent.getAsInteger());
    }
    auto array = Array::create(operand.dtype, shape);
    if (!array)
      return array.takeError();
    operand.array = std::move(*array);
  }
  return Error::success();
}

static Error readInput(Operand &operand, StringRef file) {
  if (operand.array.data)
    return fail(ExitUsage, "--input: '" + operand.name + "' is given twice");
  auto array = readNpy(file);
  if (!array)
    return array.takeError();
  operand.array = std::move(*array);
  return Error::success();
}

static Error readOperands(Call &call, const EntrySettings &settings) {
  if (Error error = call.assign(settings.inputs, /*toOutputs=*/false, "input", readInput))
    return error;
  for (Operand &operand : call.operands)
    if (!operand.isOutput && !operand.array.data)
      return fail(ExitUsage,
                  "entry '" + call.entry + "': the input '" + operand.name + "' is missing; give it with --input");
  auto setFile = [](std::string Operand::*member) {
    return [member](Operand &operand, StringRef file) {
      (operand.*member) = file.str();
      return Error::success();
    };
  };
  if (Error error = call.assign(settings.outputs, /*toOutputs=*/true, "output", setFile(&Operand::outputFile)))
    return error;
  return call.assign(settings.expected, /*toOutputs=*/true, "expected", setFile(&Operand::expectedFile));
}

static Error runCall(const Model &model, Call &call) {
  std::vector<DLTensor> tensors;
  std::vector<const DLTensor *> inputs;
  std::vector<DLTensor *> outputs;
  for (Operand &operand : call.operands)
    tensors.push_back(operand.array.getTensor());
  for (auto [operand, tensor] : zip(call.operands, tensors))
    if (operand.isOutput)
      outputs.push_back(&tensor);
    else
      inputs.push_back(&tensor);
  const Library &library = model.getLibrary();
  return library.check(library.getAPI().call(model.get(), call.entry.str().c_str(), inputs.data(),
                                             static_cast<int32_t>(inputs.size()), outputs.data(),
                                             static_cast<int32_t>(outputs.size())));
}

/// A session's forward, described like an entry point: ids [batch, length] -> logits.
static Call describeForward(const Library &library) {
  Call call;
  call.entry = "forward";
  call.operands.push_back({"ids", false, DLDataType{kDLInt, 32, 1}, json::Array({"batch", "length"})});
  json::Array shape({"batch", "length", library.getVocabulary()});
  call.operands.push_back({"logits", true, DLDataType{kDLFloat, 32, 1}, std::move(shape)});
  return call;
}

static Error runForward(const Model &model, const OpenSettings &open, Call &call) {
  Array &ids = call.operands[0].array, &logits = call.operands[1].array;
  int32_t batch = ids.shape.size() == 2 ? static_cast<int32_t>(std::clamp<int64_t>(ids.shape[0], 1, 64)) : 1;
  auto session = Session::create(model, open, open.maxSequences ? open.maxSequences : batch, /*maxPositions=*/0);
  if (!session)
    return session.takeError();
  const Library &library = model.getLibrary();
  DLTensor idTensor = ids.getTensor(), logitTensor = logits.getTensor();
  return library.check(library.getAPI().forward(session->get(), &idTensor, &logitTensor));
}

static void printShortly(const Operand &operand, raw_ostream &os) {
  static constexpr int64_t shown = 8;
  int64_t count = operand.array.getElementCount();
  os << operand.name << ' ' << operand.array.getTypeText() << ':';
  for (int64_t i = 0; i < std::min(count, shown); ++i)
    os << format(" %.7g", operand.array.getElement(i));
  os << (count > shown ? " ...\n" : "\n");
}

/// Compares, writes and prints; nothing is written when an output differs.
static Error finish(Call &call, const EntrySettings &settings, raw_ostream &os) {
  bool accepted = true;
  for (Operand &operand : call.operands) {
    if (operand.expectedFile.empty())
      continue;
    auto expected = readNpy(operand.expectedFile);
    if (!expected)
      return expected.takeError();
    accepted &= compareArrays(operand.name, operand.array, *expected, settings.atol, settings.rtol, os);
  }
  if (!accepted)
    return fail(ExitMismatch, "outputs differ from what was expected");
  for (Operand &operand : call.operands) {
    if (operand.isOutput && operand.outputFile.empty() && operand.expectedFile.empty())
      printShortly(operand, os);
    if (!operand.outputFile.empty())
      if (Error error = writeNpy(operand.outputFile, operand.array))
        return error;
  }
  return Error::success();
}

Error mf::run::callEntry(const Model &model, const OpenSettings &open, const EntrySettings &settings, raw_ostream &os) {
  const Library &library = model.getLibrary();
  bool isForward = library.isLanguageModel() && settings.name == "forward";
  Expected<Call> call = isForward ? describeForward(library) : describeCall(library, settings.name);
  if (!call)
    return call.takeError();
  if (Error error = readOperands(*call, settings))
    return error;
  if (Error error = call->createOutputs())
    return error;
  auto start = std::chrono::steady_clock::now();
  if (Error error = isForward ? runForward(model, open, *call) : runCall(model, *call))
    return error;
  if (settings.timing)
    errs() << format("%s: %.3f ms\n", settings.name.c_str(),
                     std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  return finish(*call, settings, os);
}
