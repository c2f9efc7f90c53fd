create table a (id int);
-- it's 'quoted'
