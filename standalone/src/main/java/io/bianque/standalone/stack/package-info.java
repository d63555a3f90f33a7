/**
 * Runs a set of parts as child processes: starts them in the order their dependencies allow and as
 * parallel as that order permits, watches their health, restarts what dies, stops them in reverse.
 *
 * <p>Knows nothing of what a part is; {@code io.bianque.standalone.part} says that. The same engine
 * serves {@code bianque up} and the integration tests.
 */
package io.bianque.standalone.stack;
