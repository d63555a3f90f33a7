/**
 * Requests of operators: reads the control topic, holds each request against the limits of this
 * host's own configuration, and lets those that hold run, stop or tune probes for their time.
 *
 * <p>What a probe does is at every moment a function of its configuration and of the requests that
 * hold: an agent that was restarted comes to the same. Requests are data; nothing in them is run,
 * opened or loaded.
 */
package io.bianque.agent.control;
