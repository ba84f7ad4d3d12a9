import type { FieldErrors } from './model.ts';

/**
 * A request that can't be done as asked; the error handlers of API and pages turn it into an
 * answer.
 */
export class RequestError extends Error {
  readonly statusCode: number;
  /** What is wrong with which field, when it is about fields. */
  readonly fields: FieldErrors | undefined;

  constructor(statusCode: number, message: string, fields?: FieldErrors) {
    super(message);
    this.name = 'RequestError';
    this.statusCode = statusCode;
    this.fields = fields;
  }
}

/** No object has this id. */
export function notFound(): RequestError {
  return new RequestError(404, 'Not found.');
}

/** The input itself is wrong. */
export function invalid(fields: FieldErrors): RequestError {
  return new RequestError(400, 'Some fields are not valid.', fields);
}
