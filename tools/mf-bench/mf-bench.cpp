// Measures models, kernels and the machine.
#include "Options.h"
#include "Tune.h"
#include "mf/Pipelines/InitAll.h"
#include "mf/Target/CompileError.h"

#include "llvm/Support/InitLLVM.h"

using namespace llvm;
using namespace mf::bench;
using namespace mf::run;

static Expected<Table> run(const Options &options) {
  Probe probe(options.probeBytes);
  if (options.action == Action::Probe)
    return describeCeilings(probe, options.threads);
  if (options.action == Action::Model)
    return benchModel(options.model);
  if (options.action == Action::Compare)
    return compareModels(options.compare);
  mlir::DialectRegistry registry;
  mlir::mf::registerAllDialectsAndPasses(registry);
  if (options.action == Action::Tune)
    return tuneKernel(options.kernel, options.strategyFile, registry);
  return benchKernel(options.kernel, probe, registry);
}

static Error runCommand(int argc, char **argv) {
  auto options = parseOptions(argc, argv);
  if (!options)
    return options.takeError();
  auto table = run(*options);
  if (!table)
    return table.takeError();
  table->write(options->format, describeRun(), outs());
  return Error::success();
}

int main(int argc, char **argv) {
  InitLLVM init(argc, argv);
  int exitCode = ExitSuccess;
  auto report = [&](const ErrorInfoBase &error, int code) {
    errs() << "mf-bench: error: " << error.message() << '\n';
    exitCode = code;
  };
  handleAllErrors(
      runCommand(argc, argv), [&](const Failure &failure) { report(failure, failure.getExitCode()); },
      [&](const mlir::mf::CompileError &error) { report(error, static_cast<int>(error.getKind())); });
  return exitCode;
}
