/**
 * Which hosts a control request means: agents go by it, and so does whoever waits for their
 * answers.
 */
package io.bianque.schemas.control;
