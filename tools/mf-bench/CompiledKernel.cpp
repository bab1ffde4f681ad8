// Compiles a kernel's module to a temporary library.
#include "CompiledKernel.h"
#include "mf/Target/Artifact.h"
#include "mf/Target/Compiler.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"

using namespace llvm;
using namespace mf::bench;
using namespace mf::run;

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

Expected<TemporaryFolder> TemporaryFolder::create() {
  TemporaryFolder folder;
  SmallString<128> path;
  if (std::error_code error = sys::fs::createUniqueDirectory("mf-bench", path))
    return fail(ExitFile, "cannot create a temporary directory: " + error.message());
  folder.path = path.str().str();
  return folder;
}

TemporaryFolder::~TemporaryFolder() {
  if (!path.empty())
    sys::fs::remove_directories(path);
}

std::string TemporaryFolder::getFile(StringRef name) const {
  SmallString<128> file(path);
  sys::path::append(file, name);
  sys::RemoveFileOnSignal(file);
  return file.str().str();
}

//===----------------------------------------------------------------------===//
// Compilation
//===----------------------------------------------------------------------===//

/// The pass of the compiler that stores tables and weights with few bits.
static constexpr StringLiteral quantizePass = "mf-quantize-parameters";

/// The module with quantised parameters.
static Expected<std::string> quantize(const std::string &text, TableType type, const mlir::DialectRegistry &registry) {
  std::string option = ("--dtype=" + stringify(type)).str();
  if (!mlir::PassInfo::lookup(quantizePass))
    return fail(ExitUsage, option + ": this compiler has no quantised tables (no pass '" + quantizePass + "')");
  mlir::MLIRContext context(registry);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  mlir::PassManager passes(&context);
  std::string pipeline =
      (quantizePass + "{table-dtype=" + stringify(type) + " head-dtype=" + stringify(type) + "}").str();
  if (!module || failed(mlir::parsePassPipeline(pipeline, passes)) || failed(passes.run(*module)))
    return fail(ExitUsage, option + ": the compiler cannot quantise the kernel's parameters");
  std::string quantized;
  raw_string_ostream(quantized) << *module;
  return quantized;
}

Expected<std::string> mf::bench::writeInput(const Kernel &kernel, const mlir::DialectRegistry &registry) {
  std::string text = writeModule(kernel);
  if (kernel.isQuantised())
    return quantize(text, kernel.dtype, registry);
  return text;
}

static Error compileModule(StringRef input, StringRef output, const CompileSettings &settings,
                           const mlir::DialectRegistry &registry) {
  mlir::mf::CompilerOptions options;
  options.input = input.str();
  options.output = output.str();
  options.cpus = settings.cpus;
  options.strategyFile = settings.strategyFile;
#ifdef __aarch64__
  options.triple = "aarch64-unknown-linux-gnu";
#endif
  return mlir::mf::compile(options, registry);
}

Expected<CompiledKernel> CompiledKernel::compile(const Kernel &kernel, const CompileSettings &settings,
                                                 const mlir::DialectRegistry &registry) {
  auto text = writeInput(kernel, registry);
  if (!text)
    return text.takeError();
  auto folder = TemporaryFolder::create();
  if (!folder)
    return folder.takeError();
  CompiledKernel compiled(std::move(*folder));
  std::string input = compiled.folder.getFile("kernel.mlir"), output = compiled.folder.getFile("kernel.so");
  if (Error error = mlir::mf::writeOutput(input, *text))
    return error;
  if (Error error = compileModule(input, output, settings, registry))
    return error;
  compiled.folder.getFile("kernel.mfp");
  compiled.folder.getFile("kernel.h");
  auto library = Library::load(output);
  if (!library)
    return library.takeError();
  compiled.library = std::make_unique<Library>(std::move(*library));
  return compiled;
}

std::string CompiledKernel::getParametersPath() const {
  const json::Array *parameters = getInfo().getArray("parameters");
  return parameters && !parameters->empty() ? folder.getFile("kernel.mfp") : "";
}

std::vector<std::string> CompiledKernel::getVariants() const {
  std::vector<std::string> names;
  const json::Array *variants = getInfo().getArray("variants");
  for (const json::Value &value : variants ? *variants : json::Array())
    if (const json::Object *variant = value.getAsObject())
      names.push_back(variant->getString("name").value_or("").str());
  return names;
}
