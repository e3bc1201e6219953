//===- ProfileReport.h - Where the time of runs went ------------*- C++ -*-===//

#ifndef DL_TOOLS_DLC_PROFILEREPORT_H
#define DL_TOOLS_DLC_PROFILEREPORT_H

#include "dl/Model.h"
#include "dl/Profile.h"

#include <string>

namespace dl::driver {

/// A table of the kernels, the longest first, and of what lies between them.
/// Times are means over the runs; limits are what the machine does now, on as
/// many threads and vectors as the options say.
std::string formatProfile(const Profile &profile, const CompileOptions &options);

} // namespace dl::driver

#endif // DL_TOOLS_DLC_PROFILEREPORT_H
