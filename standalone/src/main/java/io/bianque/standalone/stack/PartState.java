package io.bianque.standalone.stack;

import java.util.Locale;

/** Where a part is in its life. */
public enum PartState {
  /** Not started yet: a part it needs does not run. */
  WAITING,
  /** Its process runs, its health check does not pass yet. */
  STARTING,
  /** Healthy; topics, schemas, templates or connectors are being put in place. */
  PREPARING,
  RUNNING,
  /** It had a task rather than a service to give, did it, and ended with exit code 0. */
  FINISHED,
  /** Its process runs, but its health check fails. */
  UNHEALTHY,
  /** Its process ended by itself; another is started after a pause. */
  RESTARTING,
  /** Stopped because somebody asked for it. */
  STOPPED;

  /** Whether the part is as it should be. */
  public boolean isGood() {
    return this == RUNNING || this == FINISHED;
  }

  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
