// Kernels compiled in this process and loaded.
#ifndef MF_TOOLS_MF_BENCH_COMPILEDKERNEL_H
#define MF_TOOLS_MF_BENCH_COMPILEDKERNEL_H

#include "Kernel.h"
#include "Library.h"

#include "mlir/IR/DialectRegistry.h"

namespace mf::bench {

/// A folder in the system's temporary directory; it goes, with all files, when the object does.
class TemporaryFolder {
public:
  static llvm::Expected<TemporaryFolder> create();
  TemporaryFolder(TemporaryFolder &&other) { std::swap(path, other.path); }
  TemporaryFolder &operator=(TemporaryFolder &&other) {
    std::swap(path, other.path);
    return *this;
  }
  ~TemporaryFolder();

  /// The path of a file in the folder; it is removed when a signal ends the process, too.
  std::string getFile(llvm::StringRef name) const;

private:
  TemporaryFolder() = default;
  std::string path;
};

/// How to compile.
struct CompileSettings {
  std::vector<std::string> cpus; ///< like mf-compile's -mcpu
  std::string strategyFile;      ///< like mf-compile's --strategy; empty: none
};

/// The kernel's module as it is compiled: with quantised parameters where the kernel asks for them. ExitUsage where the
/// compiler cannot quantise.
llvm::Expected<std::string> writeInput(const Kernel &kernel, const mlir::DialectRegistry &registry);

/// A library with a kernel. Its files exist as long as the object.
class CompiledKernel {
public:
  /// Errors of the compiler have its exit codes.
  static llvm::Expected<CompiledKernel> compile(const Kernel &kernel, const CompileSettings &settings,
                                                const mlir::DialectRegistry &registry);

  const run::Library &getLibrary() const { return *library; }
  /// Empty where the kernel has none.
  std::string getParametersPath() const;
  int64_t getParametersBytes() const { return getInfo().getInteger("parameters_bytes").value_or(0); }
  const llvm::json::Object &getInfo() const { return library->getInfo(); }
  /// Names of the variants that were compiled.
  std::vector<std::string> getVariants() const;
  const TemporaryFolder &getFolder() const { return folder; }

private:
  explicit CompiledKernel(TemporaryFolder folder) : folder(std::move(folder)) {}

  TemporaryFolder folder;
  /// At one place, models point to it.
  std::unique_ptr<run::Library> library;
};

} // namespace mf::bench

#endif // MF_TOOLS_MF_BENCH_COMPILEDKERNEL_H
