/**
 * The operator's end of dynamic control: sends requests to the agents' control topic, and reads
 * what they answer. Knows nothing of commands, and nothing of what a probe is.
 */
package io.bianque.standalone.control;
