// Runs lld in this process on temporary files.
#include "mf/Target/Linker.h"
#include "lld/Common/Driver.h"
#include "mf/Target/CompileError.h"
#include "mf/Target/EmbeddedFiles.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Signals.h"
#include "llvm/TargetParser/Triple.h"

LLD_HAS_DRIVER(elf)

using namespace mlir;
using namespace mlir::mf;

namespace {
/// Temporary files, removed when this goes or a signal ends the process.
class TemporaryFiles {
public:
  ~TemporaryFiles() {
    for (const std::string &path : paths) {
      llvm::sys::fs::remove(path);
      llvm::sys::DontRemoveFileOnSignal(path);
    }
  }

  /// A new file with these contents.
  llvm::Expected<std::string> add(StringRef suffix, StringRef contents);

private:
  std::vector<std::string> paths;
};
} // namespace

llvm::Expected<std::string> TemporaryFiles::add(StringRef suffix, StringRef contents) {
  SmallString<128> path;
  int descriptor;
  if (std::error_code error = llvm::sys::fs::createTemporaryFile("mf", suffix, descriptor, path))
    return makeIOError("cannot create a temporary file", path, error);
  paths.push_back(path.str().str());
  llvm::sys::RemoveFileOnSignal(path);
  llvm::raw_fd_ostream os(descriptor, /*shouldClose=*/true);
  os << contents;
  os.close();
  if (std::error_code error = os.error()) {
    os.clear_error();
    return makeIOError("cannot write", path, error);
  }
  return path.str().str();
}

/// A version script that exports `exports` only.
static std::string writeExportScript(ArrayRef<std::string> exports) {
  std::string script = "{ global:";
  for (const std::string &symbol : exports)
    script += " " + symbol + ";";
  return script + " local: *; };\n";
}

static std::vector<std::string> getOptions(const LinkJob &job) {
  std::vector<std::string> options = {"ld.lld",
                                      "-shared",
                                      "--hash-style=gnu",
                                      "--build-id=sha1",
                                      "--eh-frame-hdr",
                                      "--as-needed",
                                      "--gc-sections",
                                      "--icf=safe",
                                      "-O1",
                                      "--no-undefined-version",
                                      "--color-diagnostics=never",
                                      "--error-limit=5",
                                      "--threads=1"};
  for (StringRef option : {"relro", "now", "noexecstack", "separate-code"}) {
    options.push_back("-z");
    options.push_back(option.str());
  }
  // The sanitizers' functions are in the program that loads the library.
  if (job.sanitizer == Sanitizer::None) {
    options.push_back("-z");
    options.push_back("defs");
  }
  options.push_back("-soname");
  options.push_back(job.soname);
  options.push_back("-m");
  options.push_back(llvm::Triple(job.triple).getArch() == llvm::Triple::aarch64 ? "aarch64linux" : "elf_x86_64");
  return options;
}

/// Writes the inputs and adds them to `options`.
static llvm::Error addInputs(const LinkJob &job, TemporaryFiles &files, std::vector<std::string> &options) {
  llvm::Expected<RuntimeFiles> runtime = getRuntimeFiles(llvm::Triple(job.triple), job.sanitizer);
  if (!runtime)
    return runtime.takeError();
  SmallVector<std::pair<StringRef, StringRef>> inputs;
  for (const CodeBuffer &object : job.objects)
    inputs.emplace_back("o", StringRef(object.data(), object.size()));
  inputs.emplace_back("o", runtime->object);
  for (StringRef stub : runtime->stubs)
    inputs.emplace_back("so", stub);
  for (auto [suffix, contents] : inputs) {
    llvm::Expected<std::string> path = files.add(suffix, contents);
    if (!path)
      return path.takeError();
    options.push_back(*path);
  }
  llvm::Expected<std::string> script = files.add("map", writeExportScript(job.exports));
  if (!script)
    return script.takeError();
  options.push_back("--version-script=" + *script);
  return llvm::Error::success();
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> mlir::mf::linkLibrary(const LinkJob &job) {
  TemporaryFiles files;
  std::vector<std::string> options = getOptions(job);
  if (llvm::Error error = addInputs(job, files, options))
    return error;
  llvm::Expected<std::string> output = files.add("so", "");
  if (!output)
    return output.takeError();
  options.push_back("-o");
  options.push_back(*output);

  SmallVector<const char *> arguments;
  for (const std::string &option : options)
    arguments.push_back(option.c_str());
  std::string messages;
  llvm::raw_string_ostream os(messages);
  lld::Result result = lld::lldMain(arguments, os, os, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode != 0)
    return makeError(ErrorKind::Compile, "internal error: the library does not link: " + StringRef(messages).trim());
  // Read, not mapped: the file goes with this function.
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> library =
      llvm::MemoryBuffer::getFile(*output, /*IsText=*/false, /*RequiresNullTerminator=*/false, /*IsVolatile=*/true);
  if (!library)
    return makeIOError("cannot read", *output, library.getError());
  return std::move(*library);
}
