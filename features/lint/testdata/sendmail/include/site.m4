dnl what this site sets
define(`SMART_HOST', `smtp-realy.gmail.com')dnl
