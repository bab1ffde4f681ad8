// Finds configuration and tensors, tells all that is wrong with them, builds and verifies the module.
#include "mf/Frontend/ImportModel.h"
#include "ParameterSources.h"
#include "mf/Dialect/MF/IR/MFDialect.h"
#include "mf/Frontend/RegularFile.h"
#include "mf/Frontend/StrictJSON.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace mlir::mf;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

namespace {
/// The text of a configuration and where it stands.
struct ConfigSource {
  /// Its file, or its name.
  std::string file;
  std::string text;
  /// Absolute; empty where there is none.
  std::string directory;
  /// What the model is called if nobody says.
  std::string modelName;
};
} // namespace

static std::optional<ConfigSource> readConfigFile(StringRef file, StringRef directory, StringRef modelName,
                                                  Problems &problems) {
  std::optional<RegularFile> contents = RegularFile::open(file, problems);
  if (!contents)
    return std::nullopt;
  return ConfigSource{file.str(), contents->bytes().str(), directory.str(), modelName.str()};
}

static std::optional<ConfigSource> findConfig(StringRef model, Problems &problems) {
  llvm::SmallString<128> absolute(model);
  if (fs::make_absolute(absolute))
    absolute = model;
  path::remove_dots(absolute);
  if (!model.empty() && fs::is_directory(absolute)) {
    llvm::SmallString<128> file(absolute);
    path::append(file, "config.json");
    return readConfigFile(file, absolute, path::filename(absolute), problems);
  }
  if (!model.empty() && fs::exists(absolute))
    return readConfigFile(absolute, "", path::stem(absolute), problems);
  if (std::optional<std::string> text = namedConfigText(model))
    return ConfigSource{model.str(), *text, "", model.str()};
  problems.add(model, "",
               "a directory with config.json, a configuration file, or " + llvm::join(getConfigNames(), ", "),
               "none of these");
  return std::nullopt;
}

std::string mlir::mf::makeIdentifier(StringRef text) {
  std::string name = text.empty() ? "model" : text.str();
  for (char &c : name)
    if (!llvm::isAlnum(c))
      c = '_';
  return llvm::isDigit(name.front()) ? "m" + name : name;
}

static std::string chooseName(const ImportOptions &options, StringRef fallback, Problems &problems) {
  if (options.name.empty())
    return makeIdentifier(fallback);
  if (makeIdentifier(options.name) != options.name)
    problems.add(options.model, "name of the model", "a C identifier", "\"" + options.name + "\"");
  return options.name;
}

static Type getRandomElementType(MLIRContext *context, ImportOptions::ElementType type) {
  switch (type) {
  case ImportOptions::ElementType::F32:
    return Float32Type::get(context);
  case ImportOptions::ElementType::F16:
    return Float16Type::get(context);
  case ImportOptions::ElementType::BF16:
    return BFloat16Type::get(context);
  }
  llvm_unreachable("no other element type");
}

/// Reads everything; what is returned is complete where `problems` stays empty.
static std::optional<ModelDescription> describeModel(MLIRContext *context, const ImportOptions &options,
                                                     Problems &problems) {
  std::optional<ConfigSource> source = findConfig(options.model, problems);
  if (!source)
    return std::nullopt;
  ModelDescription model;
  model.name = chooseName(options, source->modelName, problems);
  model.configFile = source->file;
  if (!options.layerKinds.empty())
    source->text = replaceLayerKinds(source->text, options.layerKinds);
  std::optional<ModelConfig> config = parseConfig(source->text, source->file, problems);

  std::optional<Checkpoint> checkpoint;
  if (!options.randomSeed && source->directory.empty())
    problems.add(options.model, "", "a directory with a checkpoint, or random weights", "a configuration alone");
  else if (!options.randomSeed)
    checkpoint = readCheckpoint(source->directory, problems);
  if (!config || (!options.randomSeed && !checkpoint))
    return std::nullopt;

  model.config = *config;
  model.configText = compactJSON(source->text);
  std::vector<ParameterSpec> specs = listParameters(*config);
  if (checkpoint)
    model.parameters = findParameters(context, *config, specs, *checkpoint, problems);
  else
    model.parameters = makeRandomParameters(specs, *options.randomSeed,
                                            getRandomElementType(context, options.randomElementType), source->file);
  if (config->rotarySize() > 0)
    model.parameters.push_back(makeRotaryAngles(context, *config, source->file));
  return model;
}

FailureOr<OwningOpRef<ModuleOp>> mlir::mf::importModel(MLIRContext *context, const ImportOptions &options,
                                                       Problems &problems) {
  context
      ->loadDialect<MFDialect, arith::ArithDialect, func::FuncDialect, linalg::LinalgDialect, tensor::TensorDialect>();
  size_t before = problems.size();
  std::optional<ModelDescription> model = describeModel(context, options, problems);
  if (!model || problems.size() != before)
    return failure();

  OwningOpRef<ModuleOp> module = buildModel(context, *model);
  ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
    problems.add(model->configFile, "module", "a valid module", diagnostic.str());
    return success();
  });
  if (failed(verify(*module)))
    return failure();
  return module;
}
