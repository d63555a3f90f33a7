/**
 * The agent from its distribution, under bad conditions: no broker, no registry, a full disk, a
 * kill, a file that is damaged. Packets are really dropped by this machine's kernel, broker and
 * registry are real.
 *
 * <p>Each drop has a number, and each event of the probe a sequence number: what is missing, and
 * what came twice, is known exactly and compared with what the agent says about it.
 */
package io.bianque.tests.agent;
