// The table that a library's exported functions return.
#include "Error.h"
#include "Model.h"
#include "Session.h"

namespace mf::rt {

static const char *libraryInfo() { return mf_rt_library_plan.info_json; }

static const mf_api api = {
    sizeof(mf_api),      MF_ABI_VERSION, lastError,      openModel,   closeModel,     describeModel, libraryInfo,
    verifyParameterFile, createSession,  destroySession, addSequence, removeSequence, forkSequence,  truncateSequence,
    sequenceLength,      step,           forward,        sample,      callEntry,      stepTopK,
};

} // namespace mf::rt

const mf_api *mf_rt_api(int32_t version) { return version == MF_ABI_VERSION ? &mf::rt::api : nullptr; }
