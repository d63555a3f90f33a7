/**
 * The agent's configuration: one YAML file, environment variables over it, defaults under it.
 *
 * <p>Strict: whatever is not known or not allowed is refused, all of it at once, each with its
 * file, line, key, value and what is allowed. Reading has no effect but to read the file; what a
 * probe's tunables may be is checked where the probe is loaded, by its own BTF.
 */
package io.bianque.agent.config;
