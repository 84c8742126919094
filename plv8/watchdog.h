/* Ends endless scripts on cancel, timeout and terminate. See watchdog.cc. */
#pragma once

#include "postgres_api.h"

namespace plv8 {

/* Idempotent; raises error_report where no thread can be made. */
void start_watchdog();

/* While one of these lives, JavaScript runs and is being watched. */
class script_running {
public:
	script_running();
	~script_running();
	script_running(const script_running &) = delete;
	script_running &operator=(const script_running &) = delete;
};

}	// namespace plv8
