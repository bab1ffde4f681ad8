// PTX by LLVM, cubins by NVIDIA's assembler where it is installed.
#include "CUDACode.h"
#include "mf/Codegen/GPU/CUDALaunches.h"
#include "mf/Target/CompileError.h"
#include "mf/Target/PTXEmitter.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

using namespace mlir;
using namespace mlir::mf;

/// The path of the assembler; empty: go without.
static llvm::Expected<std::string> findAssembler(StringRef option) {
  if (option == "none")
    return std::string();
  if (option != "auto") {
    if (!llvm::sys::fs::can_execute(option))
      return makeError(ErrorKind::CommandLine,
                       "--ptxas expects auto, none or the path of a program, found '" + option + "'");
    return option.str();
  }
  llvm::ErrorOr<std::string> found = llvm::sys::findProgramByName("ptxas");
  if (!found)
    found = llvm::sys::findProgramByName("ptxas", {"/usr/local/cuda/bin"});
  return found ? *found : std::string();
}

namespace {
/// A temporary file that goes with this.
struct ScratchFile {
  SmallString<128> path;

  ~ScratchFile() {
    if (!path.empty())
      llvm::sys::fs::remove(path);
  }
  llvm::Error create(StringRef suffix, StringRef contents);
  llvm::Expected<std::string> read() const;
};
} // namespace

llvm::Error ScratchFile::create(StringRef suffix, StringRef contents) {
  int descriptor;
  if (std::error_code error = llvm::sys::fs::createTemporaryFile("mf", suffix, descriptor, path))
    return makeIOError("cannot create a temporary file", path, error);
  llvm::raw_fd_ostream os(descriptor, /*shouldClose=*/true);
  os << contents;
  os.close();
  if (std::error_code error = os.error()) {
    os.clear_error();
    return makeIOError("cannot write", path, error);
  }
  return llvm::Error::success();
}

llvm::Expected<std::string> ScratchFile::read() const {
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> buffer =
      llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false, /*IsVolatile=*/true);
  if (!buffer)
    return makeIOError("cannot read", path, buffer.getError());
  return (*buffer)->getBuffer().str();
}

/// Sets the plan's cubin and the resources of its kernels.
static llvm::Error assemble(StringRef assembler, CUDACode &code) {
  StringRef ptx = code.plan.ptx, arch = code.plan.arch;
  ScratchFile input, output, messages;
  for (auto [file, suffix, contents] : {std::tuple(&input, "ptx", ptx), std::tuple(&output, "cubin", StringRef()),
                                        std::tuple(&messages, "txt", StringRef())})
    if (llvm::Error error = file->create(suffix, contents))
      return error;
  std::string archOption = ("-arch=" + arch).str(), problem;
  std::optional<StringRef> redirects[] = {StringRef(""), messages.path.str(), messages.path.str()};
  int status = llvm::sys::ExecuteAndWait(assembler, {assembler, archOption, "-v", input.path, "-o", output.path},
                                         std::nullopt, redirects, /*SecondsToWait=*/0, /*MemoryLimit=*/0, &problem);
  llvm::Expected<std::string> text = messages.read();
  if (!text)
    return text.takeError();
  if (status == 0) {
    code.resources = parseResources(*text);
    return output.read().moveInto(code.plan.cubin);
  }
  problem += text->substr(0, 2000);
  return makeError(ErrorKind::Compile, "'" + assembler + "' does not assemble the kernels for " + arch +
                                           "; --ptxas=none goes without it: " + StringRef(problem).trim());
}

llvm::Expected<CUDACode> mlir::mf::compileCUDACode(ModuleOp module, StringRef arch, StringRef ptxas,
                                                   const DialectRegistry &registry) {
  CUDACode code;
  CUDAPlan &plan = code.plan;
  plan.arch = arch.str();
  StringRef number = arch;
  number.consume_front("sm_");
  plan.exact = number.consume_back("a");
  int64_t capability;
  if (number.getAsInteger(10, capability))
    return makeError(ErrorKind::Compile, "internal error: no number in the architecture '" + arch + "'");
  plan.major = capability / 10;
  plan.minor = capability % 10;
  for (const CUDAKernel &kernel : listCUDAKernels(module))
    plan.kernels.push_back({kernel.name, kernel.threads, kernel.workgroupBytes});
  code.launches = countLaunchesOfOneToken(module);
  llvm::Expected<std::string> assembler = findAssembler(ptxas);
  if (!assembler)
    return assembler.takeError();
  llvm::Expected<std::string> ptx = emitPTX(module, arch, registry);
  if (!ptx)
    return ptx.takeError();
  plan.ptx = std::move(*ptx);
  if (!assembler->empty() && !plan.kernels.empty())
    if (llvm::Error error = assemble(*assembler, code))
      return std::move(error);
  return std::move(code);
}
