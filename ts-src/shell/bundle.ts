// The entry of the bundle: installs the control plane and the SQL functions' code on
// globalThis, once a session. mtm.bundle() runs it; see sql/parts/bundle.sql.
import { api } from '../api/api.ts';
import { deadlock_step } from './deadlock_step.ts';
import { monitor_step } from './monitor_step.ts';
import { serve } from './serve.ts';

const installed = globalThis as { multimaster?: unknown };

installed.multimaster ??= { deadlock_step, monitor_step, api, serve };
